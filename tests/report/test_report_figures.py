"""What the figures are made of: curves, numbers at risk, sets of scores, the choice of maps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartopath.report.figures import style
from cartopath.report.figures.distributions import draw_score_distributions
from cartopath.report.figures.learning import draw_learning_curves
from cartopath.report.figures.survival import SurvivalPanel, at_risk, draw_hazard_ratios, draw_survival, group_order, survival_at
from cartopath.report.numbers import interval, number, p_value, short
from cartopath.report.pictures import evenly_chosen, heterogeneity_panel, mapped_slides, page_png
from cartopath.report.results import read_results
from cartopath.report.sections.scores import set_scores
from cartopath.stats import at_risk_table, kaplan_meier

TIMES = [100.0, 400.0, 400.0, 900.0, 1500.0]
EVENTS = [True, True, False, False, True]


def curve() -> pd.DataFrame:
    return kaplan_meier(TIMES, EVENTS).table.rename(columns={"time": "time_days"})


def texts(svg: bytes) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")]


@pytest.mark.parametrize("time", [0.0, 1.0, 100.0, 365.25, 400.0, 899.0, 1500.0, 1501.0])
def test_numbers_at_risk_agree_with_counting_patients(time: float) -> None:
    counted = at_risk_table(TIMES, ["all"] * len(TIMES), [time])[time].iloc[0]
    assert at_risk(curve(), time) == counted


@pytest.mark.parametrize("time", [0.0, 99.0, 100.0, 450.0, 5000.0])
def test_survival_at_a_time_agrees_with_the_estimate(time: float) -> None:
    assert survival_at(curve(), time) == kaplan_meier(TIMES, EVENTS).survival_at([time])[0]


def test_survival_figure_prints_groups_events_test_and_numbers_at_risk() -> None:
    rows = curve().assign(group="high", analysis="hti")
    svg = draw_survival([SurvivalPanel("HTI", "log-rank p = 0.03", rows, {"high": "heterogeneous"})])
    assert {"HTI", "log-rank p = 0.03", "heterogeneous (n = 5, 3 events)", "5", "number at risk"} <= set(texts(svg))


def test_groups_come_low_middle_high_then_by_name() -> None:
    assert group_order(["zeta", "high", "alpha", "low", "middle", "low"]) == ["low", "middle", "high", "alpha", "zeta"]


def test_test_set_scores_are_those_of_labelled_test_slides() -> None:
    scores = pd.DataFrame(
        {
            "trait": "A",
            "set": ["test", "test", "train_validation", "test", "test"],
            "role": ["labelled", "labelled", "labelled", "ood", "labelled"],
            "ood": ["", "", "", "near", ""],
            "label": ["hi", "lo", "hi", "", "hi"],
            "median_label": ["hi", "lo", "hi", "lo", "hi"],
            "ensemble": [0.9, 0.2, 0.8, 0.4, np.nan],
        }
    )
    found = set_scores(scores, "A", "test")
    assert found["hi"].tolist() == [0.9]
    assert found["lo"].tolist() == [0.2]


def test_ood_scores_go_by_the_median_wherever_the_patient_was_drawn() -> None:
    scores = pd.DataFrame(
        {
            "trait": "A",
            "set": ["test", "train_validation", "train_validation", "test"],
            "role": ["ood", "ood", "ood", "unmeasured"],
            "ood": ["near", "far", "near", ""],
            "label": "",
            "median_label": ["hi", "lo", "", ""],
            "ensemble": [0.7, 0.3, 0.5, 0.6],
        }
    )
    assert {k: v.tolist() for k, v in set_scores(scores, "A", "ood_near").items()} == {"lo": [], "hi": [0.7]}
    assert {k: v.tolist() for k, v in set_scores(scores, "A", "ood_all").items()} == {"lo": [0.3], "hi": [0.7]}


@given(st.integers(0, 60), st.integers(1, 8))
def test_chosen_maps_are_spread_from_the_first_to_the_last(n_items: int, n: int) -> None:
    chosen = evenly_chosen(range(n_items), n)
    assert len(chosen) == min(n_items, n)
    assert chosen == sorted(set(chosen))
    if n_items and n > 1:
        assert (chosen[0], chosen[-1]) == (0, n_items - 1)


def test_maps_are_chosen_among_slides_that_trained_nothing(pristine_study: Path) -> None:
    slides = mapped_slides(read_results(pristine_study))
    assert slides.is_held_out
    assert set(slides.rows["set"]) == {"test", "ood"}
    assert slides.rows["hti"].is_monotonic_increasing


def test_panel_rows_are_the_ranges_of_the_paper(pristine_study: Path) -> None:
    results = read_results(pristine_study)
    panel = heterogeneity_panel(results, mapped_slides(results).rows)
    assert panel.bands == ((0.0, 0.1), (0.4, 0.6), (0.9, 1.0))
    assert all(any(low <= hti <= high for low, high in panel.bands) for hti, _ in panel.drawn)
    assert panel.png.startswith(b"\x89PNG")


def test_panel_falls_back_to_equal_shares_when_the_ranges_are_empty(pristine_study: Path) -> None:
    results = read_results(pristine_study)
    rows = mapped_slides(results).rows
    panel = heterogeneity_panel(results, rows[rows["hti"].between(0.15, 0.35)])
    assert panel.bands == ()
    assert panel.png


def test_pictures_are_made_no_larger_than_asked(pristine_study: Path) -> None:
    import io

    from PIL import Image

    path = min((pristine_study / "maps").glob("*_MKI67.png"))
    content = page_png(path, max_px=100)
    assert content is not None
    assert max(Image.open(io.BytesIO(content)).size) == 100


def test_text_stays_text_in_the_font_of_the_page() -> None:
    svg = draw_score_distributions({"test": {"A": {"lo": np.array([0.1, 0.2]), "hi": np.array([0.8])}}}, ["A"])
    assert "A" in texts(svg)
    assert b"DejaVu" not in svg


def test_scripts_of_the_world_are_drawn_without_a_warning() -> None:
    svg = draw_score_distributions({"test": {"漢字": {"lo": np.array([0.1]), "hi": np.array([0.8])}}}, ["漢字"])
    assert "漢字" in texts(svg)


def test_hazard_ratios_over_many_orders_of_magnitude_are_drawn() -> None:
    cox = pd.DataFrame(
        {"model": "m", "covariate": ["a", "b"], "hazard_ratio": [1e-4, 500.0], "low": [1e-6, 2.0], "high": [1e-2, 1e5]}
    )
    assert "0.01" in texts(draw_hazard_ratios(cox))


def test_colours_of_groups_are_distinct_and_known_ones_fixed() -> None:
    found = style.colours(["low", "high", "x", "y"], known=style.GROUPS)
    assert found["low"] == style.GROUPS["low"]
    assert len(set(found.values())) == 4


@given(st.floats(-1e6, 1e6))
def test_written_numbers_read_back_as_the_number(value: float) -> None:
    text = number(value, digits=3).replace("−", "-").replace(",", "")
    assert float(text) == pytest.approx(value, abs=5.1e-4)


@given(st.floats(1e-12, 1.0))
def test_written_p_values_never_cross_the_level(value: float) -> None:
    text = p_value(value)
    if "×" not in text:
        assert (float(text) < 0.05) == (value < 0.05) or abs(value - 0.05) < 5.1e-4


def test_unknown_numbers_are_dashes() -> None:
    assert [number(None), number(float("nan")), number(float("inf")), p_value(None), short(None)] == ["–"] * 5
    assert interval(0.1, float("nan")) == ""


def test_importing_the_report_does_not_bring_matplotlib() -> None:
    code = "import sys, cartopath.report; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("auroc", [0.7, np.nan])
def test_learning_curves_have_a_panel_of_aurocs_where_there_are_some(auroc: float) -> None:
    curves = pd.DataFrame({"round": "0", "chunk": [0, 1, 2], "train_loss": 0.5, "val_loss": [0.8, 0.6, 0.7]})
    curves = curves.assign(val_slide_auroc=auroc, val_tile_auroc=np.nan, is_best=[False, True, False])
    drawn = set(texts(draw_learning_curves(curves)))
    assert ("AUROC" in drawn) == bool(np.isfinite(auroc))
    assert {"loss", "kept weights"} <= drawn
