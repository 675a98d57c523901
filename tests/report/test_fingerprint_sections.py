"""What the report says of tissue fingerprints, and that it says nothing where there are none."""

from __future__ import annotations

import dataclasses
import functools
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cartopath.methods.fingerprints.atlas import CLUSTER_COLUMNS
from cartopath.methods.fingerprints.by_tissue import COLUMNS as TISSUE_COLUMNS
from cartopath.methods.fingerprints.looking.outcome_tables import outcome_tables
from cartopath.methods.fingerprints.looking.tables import BORDER_COLUMNS, IDENTITY_COLUMNS, MATCHING_COLUMNS, PAIR_COLUMNS
from cartopath.report import write_report
from cartopath.report.blocks import Figure, Gallery, Section
from cartopath.report.fingerprint_schemas import FINGERPRINT_SCHEMAS
from cartopath.report.results import read_results
from cartopath.report.sections.fingerprints_arms import arms_section
from cartopath.report.sections.fingerprints_atlas import atlas_section, tissue_section
from cartopath.report.sections.fingerprints_identity import identity_section
from cartopath.report.sections.fingerprints_matching import matching_section
from cartopath.report.sections.fingerprints_pretraining import pretraining_section
from cartopath.report.sections.fingerprints_scores import receptor_section

SECTIONS = (pretraining_section, receptor_section, tissue_section, matching_section, identity_section, atlas_section)

PICTURES = (
    *("identity/encoder_0_identity", "identity/encoder_0_similarity", "receptors/panel_ER", "matching/look_alikes"),
    *("atlas/ER", "atlas/ER_tiles", "tissue/S-01"),
)


def patients(*, n: int = 60, seed: int = 3) -> pd.DataFrame:
    """Scores of made-up patients in five folds: ER is told well, PR hardly; with little tissue less so."""
    rng = np.random.default_rng(seed)
    parts = []
    for trait, strength in (("ER", 0.5), ("PR", 0.1)):
        positive, tiles = rng.random(n) < 0.6, rng.integers(20, 600, n)
        score = np.tanh(np.where(positive, strength, -strength) + 6 * rng.normal(size=n) / np.sqrt(tiles))
        label = np.where(positive, "hi", "lo")
        label[:4] = ""
        parts.append(
            pd.DataFrame(
                {
                    "trait": trait,
                    "patient_id": [f"TCGA-A1-{1000 + i}" for i in range(n)],
                    "set": "test",
                    "role": np.where(label == "", "ood", "labelled"),
                    "test_round": np.arange(n) % 5,
                    "label": label,
                    "n_slides": 1,
                    "n_tiles": tiles,
                    "score": score,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def tables() -> dict[str, pd.DataFrame]:
    """Return made-up tables as the stages of fingerprints write them."""
    return {name: table.copy() for name, table in _tables().items()}


@functools.cache
def _tables() -> dict[str, pd.DataFrame]:
    scores = patients()
    games = [
        ("encoder 0", "halves", "held_out", "slide", 60, 55, 60, 0.62, 0.5, 0.74, 1 / 60, 0.85, ""),
        ("encoder 0", "halves", "held_out", "patient", 55, 55, 55, 0.71, 0.58, 0.83, 1 / 55, 0.9, ""),
        ("encoder 0", "halves", "trained", "slide", 240, 220, 240, 0.88, 0.84, 0.92, 1 / 240, 0.97, ""),
        ("encoder 0", "halves", "trained", "patient", 220, 220, 220, 0.9, 0.86, 0.94, 1 / 220, 0.98, ""),
        ("encoder 0", "slides", "held_out", "patient", *[np.nan] * 8, "fewer than two slides have tissue in both halves"),
    ]
    pairs = [
        ("encoder 0", "misplaced", "S-07", "", "P-07", "", "test", "", "", np.nan, np.nan, np.nan),
        ("encoder 0", "duplicate", "S-01", "S-02", "P-01", "P-02", "train_validation", "test", False, 0.04, 2.31, 0.21),
        ("encoder 0", "copied", "S-04", "S-05", "P-04", "P-05", "test", "test", False, 0.7, 0.38, 0.62),
        ("encoder 0", "one_patient", "S-03", "S-07", "P-03", "P-07", "test", "test", False, 0.31, 0.8, np.nan),
        ("encoder 0", "two_patients", "S-08", "S-07", "P-07", "P-07", "test", "test", True, 0.9, 0.4, np.nan),
    ]
    border = [("encoder 0", 300, 21, 44829, 0.52, 0.11, "pairs of one patient", 4, 1, "", 2, "", 0, "")]
    identity = [
        ("encoder_0", f"S-{i:02}@{400 * i},800", f"P-{i:02}", half, 390, value, value + 0.05, 0.8, 480, 220)
        for i in range(6)
        for half, value in (("left", 0.9), ("right", 0.4 + 0.05 * i))
    ]
    chunks = np.arange(1, 13)
    learned = [
        pd.DataFrame(
            {
                "encoder": encoder,
                "n_regions": 480,
                "n_patients": 220,
                "chance": 1 / 480,
                "chunk": chunks,
                "learning_rate": 1e-3,
                "train_loss": 5.0 / chunks,
                "style_distance": 1.2 / chunks,
                "val_loss": 6.0 / chunks,
                "val_accuracy": 0.8 - 0.7 / chunks - 0.05 * encoder,
                "is_best": chunks == 12,
            }
        )
        for encoder in range(2)
    ]
    rng = np.random.default_rng(0)
    atlas = pd.DataFrame({"trait": "ER", "slide_id": "S-01", "patient_id": [f"P-{i % 9}" for i in range(90)]})
    atlas = atlas.assign(**{name: rng.integers(0, 9, 90) for name in ("col", "row", "x_px0", "y_px0", "cluster")})
    atlas = atlas.assign(**{name: rng.normal(size=90) for name in ("score", "x", "y", "distance")}, rank=np.nan)
    clusters = [("ER", 1, "negative", -1.0, 2.0, -0.8, 30, 9), ("ER", 7, "positive", 1.0, 0.0, 0.7, 24, 8)]
    by_tissue = [
        ("ER", "test", "epithelium", 50, 30, 6, 900, 0.9, 0.82, 0.97, "", 0.88, 0.8, 0.95),
        ("ER", "test", "fat", 3, 3, 53, 12, "", "", "", "all 3 labels are positive", "", "", ""),
        ("ER", "test", "all", 56, 32, 0, 4000, 0.87, 0.78, 0.95, "", 0.87, 0.78, 0.95),
    ]
    return {
        "pretraining": pd.concat(learned, ignore_index=True),
        "atlas": atlas,
        "atlas_clusters": pd.DataFrame(clusters, columns=CLUSTER_COLUMNS),
        "by_tissue": pd.DataFrame(by_tissue, columns=TISSUE_COLUMNS),
        "receptor_scores": scores,
        **outcome_tables(scores[scores["label"] != ""]),
        "matching": pd.DataFrame(games, columns=MATCHING_COLUMNS),
        "look_alikes": pd.DataFrame(pairs, columns=PAIR_COLUMNS),
        "look_alike_borders": pd.DataFrame(border, columns=BORDER_COLUMNS),
        "identity_maps": pd.DataFrame(identity, columns=IDENTITY_COLUMNS),
    }


def write(root: Path, content: dict[str, pd.DataFrame]) -> Path:
    """Write tables and plain pictures below `root`."""
    for name, table in content.items():
        path = root / "tables" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False, float_format="%.10g")
    buffer = io.BytesIO()
    Image.new("RGB", (400, 200), (120, 80, 160)).save(buffer, "PNG")
    for name in PICTURES:
        path = root / "maps" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(buffer.getvalue())
    return root


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Section]:
    """The sections of a made-up study of fingerprints, by their anchor."""
    results = read_results(write(tmp_path_factory.mktemp("fingerprints"), tables()))
    made = [section for make in SECTIONS if (section := make(results)) is not None]
    return {section.anchor: section for section in made}


def words(value: object) -> str:
    """Return all text of a section, down to its cells and captions."""
    if isinstance(value, str):
        return value
    if dataclasses.is_dataclass(value):
        return " ".join(words(getattr(value, field.name)) for field in dataclasses.fields(value))
    return " ".join(words(part) for part in value) if isinstance(value, tuple) else ""


def figures(section: Section) -> list[Figure]:
    return [block for block in section.blocks if isinstance(block, Figure)]


def texts(figure: Figure) -> list[str]:
    root = ElementTree.fromstring(figure.picture.content)
    return [element.text or "" for element in root.iter() if element.tag.endswith("}text")]


def test_a_study_without_fingerprints_has_none_of_these_sections(tmp_path: Path) -> None:
    results = read_results(tmp_path)
    assert [make(results) for make in SECTIONS] == [None] * len(SECTIONS)


def test_a_damaged_table_is_named_and_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "matching.csv").write_text("encoder,accuracy\nencoder 0,often\n")
    section = matching_section(read_results(tmp_path))
    assert section is not None
    assert "'often' is not a number" in words(section)


def test_the_legend_of_a_roc_curve_gives_its_auroc_with_interval(shown: dict[str, Section]) -> None:
    areas = tables()["roc_areas"]
    row = areas[(areas["trait"] == "ER") & (areas["model"] == "all")].iloc[0]
    legend = " ".join(texts(figures(shown["receptors"])[0]))
    assert f"AUROC {row['value']:.2f} ({row['low']:.2f}–{row['high']:.2f}), n = {row['n']:.0f}" in legend
    assert "95 % band" in legend
    assert "5 folds, mean" in legend


def test_a_weak_trait_is_called_what_it_is(shown: dict[str, Section]) -> None:
    areas = tables()["roc_areas"]
    row = areas[(areas["trait"] == "PR") & (areas["model"] == "all")].iloc[0]
    verdict = "above chance" if row["low"] > 0.5 else "no association found"
    assert verdict in words(shown["receptors"])


def test_histograms_count_the_patients_of_either_class(shown: dict[str, Section]) -> None:
    scores = tables()["receptor_scores"]
    er = scores[(scores["trait"] == "ER") & (scores["label"] != "")]["label"].value_counts()
    legend = texts(figures(shown["receptors"])[1])
    assert f"negative (n = {er['lo']})" in legend
    assert f"positive (n = {er['hi']})" in legend


def test_abstention_says_how_many_tiles_are_asked_for(shown: dict[str, Section]) -> None:
    curve = tables()["abstention"]
    least = curve[(curve["trait"] == "ER") & (curve["coverage"] == 1.0)]["least_tiles"].iloc[0]
    drawn = next(figure for figure in figures(shown["receptors"]) if figure.source == "abstention.csv")
    assert f"≥ {least:,.0f}" in texts(drawn)
    assert "right answers" in words(shown["receptors"]) or "no association found" in words(shown["receptors"])


def test_matching_stands_beside_chance(shown: dict[str, Section]) -> None:
    text = words(shown["matching"])
    assert "62 %" in text and "50–74" in text and "1.7 %" in text
    assert "fewer than two slides have tissue in both halves" in text


def test_a_game_of_two_has_no_interval(tmp_path: Path) -> None:
    content = tables()
    content["matching"].loc[0, ["n", "accuracy", "low", "high"]] = [2, 1.0, 1.0, 1.0]
    section = matching_section(read_results(write(tmp_path, content)))
    assert "too few for an interval" in words(section) and "100–100" not in words(section)


@pytest.mark.parametrize(("low", "is_said"), [(1.0, True), (0.97, False)])
def test_classes_that_separate_completely_come_with_a_warning(tmp_path: Path, low: float, is_said: bool) -> None:
    content = tables()
    content["roc_areas"][["value", "low", "high"]] = [1.0, low, 1.0]
    section = receptor_section(read_results(write(tmp_path, content)))
    assert ("the classes separate completely" in words(section)) == is_said


def test_an_axis_of_shares_ends_with_the_fewest_patients(tmp_path: Path) -> None:
    content = tables()
    content["abstention"] = content["abstention"].query("coverage > 0.84")
    section = receptor_section(read_results(write(tmp_path, content)))
    drawn = next(figure for figure in figures(section) if figure.source == "abstention.csv")
    fewest = content["abstention"].query("trait == 'ER'")["coverage"].min()
    assert fewest < 0.92 and f"{fewest:.0%}".replace("%", " %") in texts(drawn)


def test_contradictions_name_slides_patients_and_sets(shown: dict[str, Section]) -> None:
    text = words(shown["matching"])
    assert "look like one slide" in text
    assert "P-01, training and validation" in text and "P-02, test" in text
    assert "near another patient's slide, far from all of its own patient" in text


def test_copies_are_shown_with_how_near_their_halves_say_they_are(shown: dict[str, Section]) -> None:
    text = words(shown["matching"])
    assert "may show the same tissue twice, by their halves" in text and "0.62" in text
    assert "Pairs that may show the same tissue twice, by their halves: 2" in text


def test_a_cohort_without_a_search_for_copies_says_why(tmp_path: Path) -> None:
    content = tables()
    content["look_alike_borders"]["copies_reason"] = "5 slides have tissue in both halves; 8 are needed"
    section = matching_section(read_results(write(tmp_path, content)))
    assert "Copies are not told by the halves of slides: 5 slides have tissue in both halves" in words(section)


def test_slides_that_contradict_their_patient_are_counted_or_the_reason_is_said(tmp_path: Path) -> None:
    content = tables()
    content["look_alike_borders"]["n_doubted"] = 4
    section = matching_section(read_results(write(tmp_path / "counted", content)))
    assert "than slides of one patient do in this cohort: 4" in words(section)
    content["look_alike_borders"]["doubted_reason"] = "7 patients have two slides or more"
    section = matching_section(read_results(write(tmp_path / "reason", content)))
    assert "Swaps are not told by what slides of a patient have in common: 7 patients have two slides" in words(section)


def test_fingerprints_that_tell_nothing_are_said_to(tmp_path: Path) -> None:
    content = tables()
    border = pd.DataFrame([{"encoder": "encoder 0", "n_slides": 9, "reason": "2 pairs of one patient"}], columns=BORDER_COLUMNS)
    section = matching_section(read_results(write(tmp_path, content | {"look_alike_borders": border})))
    assert "do not tell patients apart here: 2 pairs of one patient" in words(section)


def test_identity_maps_are_shown_with_their_mean_and_chance(shown: dict[str, Section]) -> None:
    section = shown["identity"]
    assert sum(isinstance(block, Gallery) for block in section.blocks) == 2
    assert "0.53" in words(section)  # of the right halves
    assert "0.5 %" in words(section)  # chance: 220 patients


def test_pretraining_shows_accuracy_beside_chance(shown: dict[str, Section]) -> None:
    text = words(shown["pretraining"])
    assert "encoder 0" in text and re.search(r"7[34]\.\d %", text) and "0.2 %" in text
    assert {"accuracy on right halves", "distance between styles", "chance"} <= set(texts(figures(shown["pretraining"])[0]))


def test_types_of_tissue_say_who_was_left_out(shown: dict[str, Section]) -> None:
    text = words(shown["tissue"])
    assert "30 positive, 6 left out" in text
    assert "all 3 labels are positive" in text
    assert any(isinstance(block, Gallery) for block in shown["tissue"].blocks)


def test_the_atlas_shows_its_tiles_and_clusters(shown: dict[str, Section]) -> None:
    gallery = next(block for block in shown["atlas"].blocks if isinstance(block, Gallery))
    assert len(gallery.plates) == 2
    assert "90 tiles of 9 patients" in gallery.caption
    assert "negative −0.80 30 9" in " ".join(words(shown["atlas"]).split())


def test_arms_stand_beside_the_first_with_their_difference(tmp_path: Path) -> None:
    first = {"trait": "ER", "study": "fingerprints", "method": "fingerprints", "encoder": "own", "n_patients": 60}
    first |= {"n_high": 30, "n_low": 30, "auroc": 0.88, "auroc_low": 0.8, "auroc_high": 0.95}
    other = first | {"study": "direct", "encoder": "none", "auroc": 0.8, "auroc_low": 0.7, "auroc_high": 0.9}
    other |= {"auroc_difference": -0.08, "auroc_difference_low": -0.15, "auroc_difference_high": -0.01, "auroc_p": 0.03}
    root = write(tmp_path, {"comparison": pd.DataFrame([first, other])})
    section = arms_section(read_results(root))
    assert section is not None
    text = " ".join(words(section).split())
    assert "0.88 0.80–0.95" in text
    assert "−0.08 −0.15 to −0.01 bad 0.030" in text


def test_every_table_that_is_promised_is_read(tmp_path: Path) -> None:
    content = tables()
    assert set(content) == set(FINGERPRINT_SCHEMAS) - {"comparison"}
    results = read_results(write(tmp_path, content))
    for name, table in content.items():
        found = results.table(name)
        assert found.problem == "", name
        assert set(table.columns) <= set(found.rows.columns)
        assert set(FINGERPRINT_SCHEMAS[name].columns) <= set(table.columns)


def test_the_page_of_fingerprints_is_the_same_twice_and_inert(tmp_path: Path) -> None:
    content = tables()
    hostile = "<script>alert('x')</script>"
    content["matching"]["encoder"] = hostile
    content["look_alikes"]["first"] = hostile
    root = write(tmp_path, content)
    first, second = write_report(root).read_bytes(), write_report(root).read_bytes()
    assert first == second
    assert b"<script" not in first
