"""Slides are judged once, by a check or by a run; what is left out is a decision of the study file, and is counted."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cartopath.core.errors import ConfigError
from cartopath.slides.quality import QUALITY_CLASSES, TILE_FLAGS
from cartopath.store.artifacts import read_table
from cartopath.study.check import check_cohort
from cartopath.study.run import completed_figures
from cartopath.study.stages.quality import flawed_tiles, quality_paths, read_quality
from cartopath.study.stages.tile_spec import tile_spec

GREEN_PEN = (20, 140, 60)


@pytest.fixture(scope="module")
def penned(small_cohort, tmp_path_factory):
    """Three slides of the small cohort, the second with a broad stroke of green pen down the middle of its tissue."""
    import tifffile

    folder = tmp_path_factory.mktemp("penned")
    first, second, third = sorted((small_cohort / "slides").glob("*.tif"))[:3]
    for path in (first, third):
        (folder / path.name).write_bytes(path.read_bytes())
    with tifffile.TiffFile(second) as file:
        page = file.pages[0]
        image, tags = page.asarray().copy(), page.tags
        resolution = (tags["XResolution"].value, tags["YResolution"].value)
        unit = tags["ResolutionUnit"].value
    width = image.shape[1]
    image[:, int(0.4 * width) : int(0.6 * width)] = GREEN_PEN
    tifffile.imwrite(
        folder / second.name,
        image,
        tile=(256, 256),
        photometric="rgb",
        compression="deflate",
        resolution=tuple(n / d for n, d in resolution),
        resolutionunit=unit,
        metadata=None,
    )
    return folder


@pytest.fixture
def study_on(penned, write_study):
    def study_on_(folder, **changes):
        changes["slides"] = {"dir": penned.as_posix(), "table": None, **changes.get("slides", {})}
        return write_study(folder, **changes)

    return study_on_


def names(study):
    return sorted(path.stem.removesuffix(".map") for path in (study.root / "quality").glob("*.parquet"))


class TestJudging:
    def test_leaves_a_table_a_map_and_a_picture_of_each_slide(self, study_on, run, tmp_path):
        study = study_on(tmp_path / "study")
        run(study, until="quality")
        for name in names(study):
            paths = quality_paths(study.layout, name)
            tiles, meta = read_quality(paths["table"])
            assert set(TILE_FLAGS) < set(tiles.columns)
            assert meta["tissue_mm2"] > 0
            with Image.open(paths["map"]) as classes, Image.open(paths["picture"]) as picture:
                assert set(np.unique(np.asarray(classes))) <= {one.number for one in QUALITY_CLASSES.values()}
                assert max(picture.size) <= 640

    def test_what_a_check_has_looked_at_a_run_does_not_look_at_again(self, study_on, run, tmp_path):
        study = study_on(tmp_path / "study")
        check_cohort(study)
        assert "quality" not in run(study, until="quality").done

    def test_a_second_check_looks_at_nothing_and_says_the_same(self, study_on, tmp_path, monkeypatch):
        study = study_on(tmp_path / "study")
        first = check_cohort(study)
        page = study.layout.check_table.read_bytes()
        monkeypatch.setattr("cartopath.study.stages.quality.slide_quality", None)
        assert check_cohort(study).findings == first.findings
        assert study.layout.check_table.read_bytes() == page

    def test_workers_find_what_one_process_finds(self, study_on, tmp_path):
        tables = []
        for workers in (0, 2):
            study = study_on(tmp_path / str(workers), compute={"workers": workers})
            check_cohort(study)
            tables.append(study.layout.check_table.read_bytes())
        assert tables[0] == tables[1]

    def test_a_slide_that_cannot_be_opened_fails_here_and_once(self, study_on, run, penned, tmp_path):
        folder = tmp_path / "slides"
        folder.mkdir()
        for path in penned.iterdir():
            (folder / path.name).symlink_to(path)
        (folder / "TCGA-ZZ-ZZZZ-01Z-00-DX1.svs").write_bytes(b"no slide")
        ran = run(study_on(tmp_path / "study", slides={"dir": folder.as_posix()}), until="tiles")
        assert list(ran.failed) == ["quality TCGA-ZZ-ZZZZ-01Z-00-DX1"]
        assert len(ran.done["tiles"]) == 3

    def test_a_slide_most_of_which_cannot_be_decoded_is_unusable(self, study_on, small_cohort, tmp_path):
        import tifffile

        folder = tmp_path / "slides"
        folder.mkdir()
        source = next((small_cohort / "slides").glob("*.tif"))
        content = bytearray(source.read_bytes())
        with tifffile.TiffFile(source) as file:
            for page in file.pages:
                for offset, size in zip(page.dataoffsets, page.databytecounts, strict=True):
                    content[offset : offset + size] = b"\xff" * size
        (folder / "TCGA-ZZ-ZZZZ-01Z-00-DX1.tif").write_bytes(content)
        checked = check_cohort(study_on(tmp_path / "study", slides={"dir": folder.as_posix()}))
        assert checked.slides["verdict"].tolist() == ["unusable"]


class TestDecisions:
    def test_pen_is_pointed_out_and_left_alone_until_the_study_says_otherwise(self, study_on, run, tmp_path):
        study = study_on(tmp_path / "study")
        run(study, until="tiles")
        penned = names(study)[1]
        flawed = flawed_tiles(read_quality(study.layout.quality(penned))[0], ["pen"])
        counts = completed_figures(study.layout, "tiles", penned)["counts"]
        assert flawed
        assert counts["flawed"] == 0

    def test_flawed_tiles_are_dropped_when_it_does_and_only_those(self, study_on, run, tmp_path):
        kept, counts = {}, {}
        for drop in ([], ["pen"]):
            study = study_on(tmp_path / "-".join(["study", *drop]), tiles={"drop_flagged": drop})
            run(study, until="tiles")
            for name in names(study):
                table = read_table(study.layout.tiles(name), "tiles")
                kept[name, bool(drop)] = set(zip(table["col"], table["row"], strict=True))
                counts[name, bool(drop)] = completed_figures(study.layout, "tiles", name)["counts"]
        clean, penned, _ = names(study)
        flawed = flawed_tiles(read_quality(study.layout.quality(penned))[0], ["pen"])
        assert kept[penned, True] == kept[penned, False] - flawed
        assert kept[penned, True] < kept[penned, False]
        assert counts[penned, True]["flawed"] == len(flawed)
        assert kept[clean, True] == kept[clean, False]

    def test_blur_is_measured_on_every_tile_when_it_is_to_be_dropped(self, study_on, run, tmp_path):
        study = study_on(tmp_path / "study", tiles={"drop_flagged": ["blur"]})
        run(study, until="quality")
        for name in names(study):
            tiles, _ = read_quality(study.layout.quality(name))
            assert tiles["is_sampled"].all()

    def test_a_slide_left_out_by_the_study_file_is_listed_with_the_reason(self, study_on, run, tmp_path):
        name = names_of_slides(study_on(tmp_path / "first"))[0]
        study = study_on(tmp_path / "study", slides={"exclude": {name: "pen over the tumour"}})
        checked = check_cohort(study)
        row = checked.slides.set_index("slide_id").loc[name]
        assert (row["verdict"], row["reasons"]) == ("excluded", "pen over the tumour")
        run(study, until="quality")
        records = read_table(study.layout.slides, "slides").set_index("slide_id")
        assert records.loc[name, "exclude"] == "pen over the tumour"
        assert not study.layout.quality(name).exists()

    def test_leaving_out_a_slide_that_is_not_there_is_an_error(self, study_on, run, tmp_path):
        study = study_on(tmp_path / "study", slides={"exclude": {"TCGA-XX": "blurred"}})
        with pytest.raises(ConfigError, match=r"slides\.exclude: no slide 'TCGA-XX' among 3"):
            run(study, until="cohort")


def names_of_slides(study):
    from cartopath.study.inputs import listed_slides

    return sorted(listed_slides(study)["slide_id"])


def test_the_table_of_a_check_has_a_row_and_a_verdict_for_every_slide(study_on, tmp_path):
    study = study_on(tmp_path / "study")
    checked = check_cohort(study)
    table = pd.read_csv(study.layout.check_table)
    assert sorted(table["slide_id"]) == names_of_slides(study)
    _, penned, _ = sorted(table["slide_id"])
    verdicts = table.set_index("slide_id")["verdict"]
    assert verdicts[penned] == "look"
    assert "pen" in table.set_index("slide_id").loc[penned, "reasons"]
    assert any(finding.code == "slide-quality" and finding.subject == "pen" for finding in checked.findings)


def test_the_table_of_a_check_names_the_picture_of_every_slide_it_opened_however_odd_its_name(study_on, penned, tmp_path):
    folder = tmp_path / "slides"
    folder.mkdir()
    (folder / "Fall 7 (HE), größer.tif").symlink_to(next(penned.iterdir()))
    (folder / "cut.svs").write_bytes(b"no slide")
    study = study_on(tmp_path / "study", slides={"dir": folder.as_posix()})
    check_cohort(study)
    pictures = pd.read_csv(study.layout.check_table, keep_default_na=False).set_index("slide_id")["picture"]
    assert pictures["cut"] == ""
    with Image.open(study.root / pictures["Fall 7 (HE), größer"]) as picture:
        assert picture.format == "JPEG"


def test_tiles_of_the_quality_table_are_those_of_the_grid(study_on, run, tmp_path):
    from cartopath.slides import open_slide, tile_grid

    study = study_on(tmp_path / "study")
    run(study, until="tiles")
    for name, path in zip(names(study), sorted((study.path(study.config.slides.dir)).iterdir()), strict=True):
        with open_slide(path) as slide:
            grid = tile_grid(slide, tile_spec(study.config.tiles))
        tiles, _ = read_quality(study.layout.quality(name))
        kept = read_table(study.layout.tiles(name), "tiles")
        assert set(zip(kept["x_px0"], kept["y_px0"], strict=True)) <= set(zip(tiles["x_px0"], tiles["y_px0"], strict=True))
        assert tiles["col"].max() < grid.n_cols
