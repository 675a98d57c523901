"""The page of a check: every slide with its verdict, every finding, and the decisions that a person may copy."""

import base64
import io
import re

import pandas as pd
import pytest
import yaml
from markupsafe import escape
from PIL import Image

from cartopath.cohort import Finding
from cartopath.report.check_page import write_check_page
from cartopath.slides.quality import MEASURES
from cartopath.study.check import Checked
from cartopath.study.layout import Layout
from cartopath.study.study_file import parse_config

HOSTILE = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    layout = Layout(tmp_path_factory.mktemp("checked"))
    for number, name in enumerate(("good", "penned", HOSTILE)):
        path = layout.quality_picture(name)
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (640, 400), (40 * number, 120, 160)).save(path, format="JPEG", comment=b"patient Jane Doe")
    return layout


@pytest.fixture(scope="module")
def checked():
    measures = dict.fromkeys(MEASURES, 0.01) | {"tissue_mm2": 12.5, "n_tiles": 100.0, "pen_share": 0.34}
    is_ = {"mpp": 0.25, "mpp_source": "aperio.MPP", "width_px0": 20000.0, "height_px0": 10000.0, "backend": "openslide"}
    listed = {"site": "A1", "sample_type": "01", "kind": "DX", "number": 1}
    rows = [
        {"slide_id": "good", "verdict": "ok", "reasons": "", **is_, **measures},
        {"slide_id": "penned", "verdict": "look", "reasons": "34 % of the tissue under pen", **is_, **measures},
        {"slide_id": HOSTILE, "verdict": "unusable", "reasons": f"{HOSTILE}: not a slide"},
        {"slide_id": "frozen", "verdict": "excluded", "reasons": "a frozen section"},
    ]
    slides = pd.DataFrame([{"patient_id": "TCGA-A1-A0SB", "path": "x.svs", **listed, **row} for row in rows])
    flag = {"slide_id": "penned", "flag": "pen", "measure": "pen_share", "value": 0.34, "limit": 0.02, "rule": "absolute"}
    flags = pd.DataFrame([flag | {"message": "34 % of the tissue under pen"}])
    findings = [
        Finding("error", "slide-unusable", HOSTILE, f"{HOSTILE}: not a slide"),
        Finding("error", "no-patient-in-common", "clinical table", "none of them is there"),
        Finding("warning", "slide-quality", "pen", "1 of 2 slides; penned: 34 % of the tissue under pen"),
    ]
    return Checked(findings, slides, flags)


@pytest.fixture(scope="module")
def page(checked, layout):
    return write_check_page(checked, layout, title="cohort").read_text(encoding="utf-8")


def test_every_slide_is_there_with_its_verdict(page):
    for name, verdict in (("good", "ok"), ("penned", "look"), ("frozen", "excluded")):
        assert re.search(rf"<th[^>]*>{name}</th>\s*<td[^>]*>TCGA-A1-A0SB</td>\s*<td[^>]*>{verdict}</td>", page)


def test_the_page_says_that_the_cohort_is_not_ready_and_why(page):
    assert "not ready" in page
    assert "1 error must be mended" in page
    assert "34\N{NO-BREAK SPACE}% of the tissue under pen" in page


def test_hostile_names_are_text_and_nothing_is_loaded_or_run(page):
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    assert "default-src 'none'" in page


def test_pictures_are_small_and_carry_nothing_but_pixels(page):
    pictures = [base64.b64decode(text) for text in re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page)]
    assert len(pictures) == 3
    for content in pictures:
        assert b"Jane" not in content
        with Image.open(io.BytesIO(content)) as picture:
            assert max(picture.size) == 260


def test_flawed_slides_come_before_sound_ones_and_broken_ones_first(page):
    names = (escape(HOSTILE), "penned", "good")
    places = [page.index(f'<p class="name">{name}</p>') for name in names]
    assert places == sorted(places)
    assert '<p class="name">frozen' not in page


def test_the_offered_decisions_are_a_study_file_that_leaves_those_slides_out(page, checked):
    from html import unescape

    offered = [yaml.safe_load(unescape(text)) for text in re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.S)]
    assert [list(parse_config(content).slides.exclude) for content in offered] == [[HOSTILE], ["penned"]]
    assert offered[1]["slides"]["exclude"]["penned"] == "34 % of the tissue under pen"


def test_a_cohort_without_anything_wrong_is_ready_and_offers_no_decision(checked, layout):
    sound = Checked([], checked.slides[checked.slides["verdict"] == "ok"], checked.flags[:0])
    page = write_check_page(sound, layout, title="cohort").read_text(encoding="utf-8")
    assert "not ready" not in page
    assert "Decisions to take" not in page


def test_a_folder_without_slides_makes_a_page_too(checked, layout):
    nothing = Checked([Finding("error", "no-slides", "slides", "no slides")], checked.slides[:0], checked.flags[:0])
    assert "There is no slide to look at." in write_check_page(nothing, layout, title="none").read_text(encoding="utf-8")


def test_the_same_check_gives_the_same_bytes(checked, layout, page):
    assert write_check_page(checked, layout, title="cohort").read_text(encoding="utf-8") == page


def test_a_cohort_with_a_broken_slide_can_run_and_the_page_says_without_which(checked, layout):
    findings = [finding for finding in checked.findings if finding.code != "no-patient-in-common"]
    page = write_check_page(Checked(findings, checked.slides, checked.flags), layout, title="cohort").read_text(encoding="utf-8")
    assert "not ready" not in page
    assert "It leaves out 1 slide that cannot be used." in page
