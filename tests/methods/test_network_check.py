"""A network that cannot work is found before any slide is cut."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cartopath.cli.main import app
from cartopath.methods import method_findings
from cartopath.study.study_file import parse_config


def _findings(**content):
    return list(method_findings(parse_config({"traits": ["MKI67"], **content}), Path()))


def test_a_network_that_fits_its_tiles_is_not_mentioned():
    assert _findings(method={"backbone": "test_resnet"}, tiles={"size_px": 64}) == []


@pytest.mark.parametrize(
    ("backbone", "size_px", "message"),
    [
        ("test_resnett", 64, "has no backbone 'test_resnett'"),
        ("inception_v3", 64, r"inception_v3 cannot take tiles of 64 px \(.*\); raise tiles.size_px or change the backbone"),
    ],
)
def test_a_network_that_cannot_work_is_an_error(backbone, size_px, message):
    (finding,) = _findings(method={"backbone": backbone}, tiles={"size_px": size_px})
    assert (finding.severity, finding.code) == ("error", "network-unusable")
    import re

    assert re.search(message, finding.message)


def test_a_run_refuses_it_before_anything_is_computed(tmp_path):
    (tmp_path / "study.yaml").write_text("traits: [MKI67]\nmethod: {name: fingerprints, encoder: not-there}\n")
    result = CliRunner().invoke(app, ["run", str(tmp_path)])
    assert result.exit_code == 1
    assert "not-there" in " ".join(result.output.split())
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]
