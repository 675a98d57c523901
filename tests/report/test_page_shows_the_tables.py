"""Every number on the page is the table's."""

from __future__ import annotations

import html as entities
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cartopath.report.numbers import count, interval, number, p_value, percent


def read(study: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(study / "tables" / f"{name}.csv")


def plain(markup: str) -> str:
    text = entities.unescape(re.sub(r"<[^>]+>", "", markup)).replace("\N{NO-BREAK SPACE}", " ")
    return " ".join(text.split())


def section(page: str, anchor: str) -> str:
    found = re.search(rf'<section id="{anchor}".*?</section>', page, re.S)
    assert found is not None
    return re.sub(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=]+", "", found[0])


def grid(page: str, caption: str) -> list[list[str]]:
    """Return the cells of the table whose caption contains a text."""
    for found in re.findall(r'<table class="grid[^"]*">.*?</table>', page, re.S):
        title = re.search(r"<caption>.*?</caption>", found, re.S)
        if title is not None and caption in plain(title[0]):
            rows = re.findall(r"<tr>(.*?)</tr>", found[found.index("<tbody>") :], re.S)
            return [[plain(cell) for cell in re.findall(r"<(?:th|td)[^>]*>(.*?)</(?:th|td)>", row, re.S)] for row in rows]
    raise AssertionError(f"no table {caption!r}")


def test_auroc_table_holds_the_metrics_of_every_trait(page: str, pristine_study: Path) -> None:
    metrics = read(pristine_study, "metrics")
    slide = metrics[(metrics["level"] == "slide") & (metrics["metric"] == "auroc")].set_index(["trait", "set", "model"])
    correlations = read(pristine_study, "correlations").set_index(["trait", "set", "against", "kind"])
    for row in grid(page, "AUROC by trait"):
        trait = row[0]
        mean, low, high = (slide.loc[(trait, "test", f"rounds_{part}"), "value"] for part in ("mean", "min", "max"))
        assert row[1] == f"{number(mean)} {interval(low, high)}"
        test = slide.loc[(trait, "test", "ensemble")]
        assert row[2] == f"{number(test['value'])} {interval(test['low'], test['high'])}"
        assert row[3] == f"{count(test['n'])} {count(test['n_high'])}/{count(test['n_low'])}"
        for cell, name in ((row[4], "ood_near"), (row[5], "ood_all")):
            ood = slide.loc[(trait, name, "ensemble")]
            assert cell == f"{number(ood['value'])} {interval(ood['low'], ood['high'])} n = {count(ood['n'])}"
        spearman = correlations.loc[(trait, "test", "decile", "spearman")]
        assert row[6] == f"{number(spearman['r'])} {interval(spearman['low'], spearman['high'])}"
        assert row[7] == p_value(spearman["q_value"])


def test_auroc_table_has_the_published_values_and_never_guesses(page: str) -> None:
    rows = {row[0]: row[8:] for row in grid(page, "AUROC by trait")}
    assert rows["hsa-miR-17-5p"] == ["0.83", "0.87", "0.63", "33"]
    assert rows["MKI67"] == ["not available", "not available", "not available", "36"]


def test_published_table_has_ours_beside_theirs(page: str) -> None:
    rows = {row[1]: row for row in grid(page, "Published AUROCs")}
    assert rows["hsa-miR-17-5p"][2:6] == ["0.83", "0.52", "0.87", "0.56 0.42–0.63"]
    assert rows["FOXA1|3169"][2:6] == ["not available"] * 4


def test_all_metrics_are_listed(page: str, pristine_study: Path) -> None:
    metrics = read(pristine_study, "metrics")
    rows = grid(page, "All metrics")
    assert len(rows) == len(metrics)
    assert [row[5:8] for row in rows] == [[count(r["n"]), count(r["n_high"]), count(r["n_low"])] for _, r in metrics.iterrows()]
    assert [row[8].split(" ")[0] for row in rows] == [number(value) for value in metrics["value"]]


def test_all_correlations_are_listed(page: str, pristine_study: Path) -> None:
    correlations = read(pristine_study, "correlations")
    rows = grid(page, "All correlations")
    assert [row[6:] for row in rows] == [[p_value(r["p_value"]), p_value(r["q_value"])] for _, r in correlations.iterrows()]


def test_cohort_flow_shows_every_step_and_loss(page: str, pristine_study: Path) -> None:
    text = plain(section(page, "cohort"))
    for _, row in read(pristine_study, "cohort_flow").fillna("").iterrows():
        slides = f"{row['slides']} slides, {row['patients']} patients"
        assert re.search(re.escape(row["step"]) + r"\s*" + re.escape(slides), text)
        assert row["detail"] in text
    assert "2 slides, 1 patient lost" in text


def test_every_lost_slide_has_its_reason(page: str, pristine_study: Path) -> None:
    slides = read(pristine_study, "slides")
    lost = slides[slides["status"] != "used"].set_index("slide_id")
    assert {row[0]: row[2:] for row in grid(page, "Slides that were excluded or failed")} == {
        slide: [row["status"], row["reason"]] for slide, row in lost.iterrows()
    }


def test_tile_counts_are_sums_over_used_slides(page: str, pristine_study: Path) -> None:
    slides = read(pristine_study, "slides")
    used = slides[slides["status"] == "used"]
    rows = {row[0]: row[1:] for row in grid(page, "What became of the tile grid")}
    assert rows["Tiles kept"][0] == count(used["tiles_kept"].sum())
    assert rows["lost: background (near-white pixels)"][0] == count(used["tiles_background"].sum())


def test_resolution_is_counted_by_its_source(page: str, pristine_study: Path) -> None:
    slides = read(pristine_study, "slides")
    counts = slides[slides["status"] == "used"]["mpp_source"].value_counts()
    assert {row[0]: row[2] for row in grid(page, "Resolution of the slides")} == {name: count(n) for name, n in counts.items()}


def test_labels_show_thresholds_and_class_sizes(page: str) -> None:
    rows = {row[0]: row for row in grid(page, "Classes of each trait")}
    assert rows["MKI67"][2:] == ["212.4 P20", "1,803 P80", "700.5", "90", "19", "18", "53", "18", "2"]


def test_splits_show_one_number_or_the_range_over_rounds(page: str) -> None:
    rows = {(row[0], row[1]): row[2:] for row in grid(page, "Sizes of the sets")}
    assert rows["MKI67", "training"] == ["5", "20", "20", "10–11", "10", "0"]


def test_rounds_show_their_validation_auroc_and_vote(page: str, pristine_study: Path) -> None:
    rounds = read(pristine_study, "rounds")
    rows = grid(page, "Rounds of resampling")
    assert [row[4] for row in rows] == [number(value) for value in rounds["val_slide_auroc"]]
    assert [row[7] == "yes" for row in rows] == rounds["in_ensemble"].tolist()


def test_kept_chunk_of_each_round_is_described(page: str, pristine_study: Path) -> None:
    curves = read(pristine_study, "learning_curves")
    best = curves[curves["is_best"]]
    for _, row in best.iterrows():
        kept = f"round {row['round']} at validation interval {count(row['chunk'] + 1)}"
        assert f"{kept}, slide AUROC {number(row['val_slide_auroc'])}" in page


def test_survival_tests_show_groups_events_and_p(page: str, pristine_study: Path) -> None:
    tests = read(pristine_study, "survival_tests").set_index("analysis")
    hti = grid(page, "Log-rank tests of survival by HTI group")
    columns = ["n_low", "n_middle", "n_high", "events_low", "events_high"]
    assert hti[0][2:7] == [count(value) for value in tests.loc["hti", columns]]
    assert hti[0][8:] == ["0.0031", "survival differs"]
    assert hti[1] == ["HTI, stratified by sex", "0.5", "1", "0", "0", "0", "0", "–", "–", "undefined: fewer than two events"]


def test_bulk_baselines_are_shown_on_the_same_number_of_patients(page: str, pristine_study: Path) -> None:
    patients = read(pristine_study, "survival_patients")
    for row in grid(page, "Log-rank tests of survival by bulk measurement"):
        assert sum(int(size) for size in row[2:5]) == len(patients)
        assert row[-1] == "no association found"


def test_cox_table_shows_hazard_ratios_with_intervals(page: str) -> None:
    assert grid(page, "Cox proportional-hazards models")[0] == [
        "HTI", "HTI", "60", "41", "2.41 1.31–4.43", "0.0047", "0.61", "associated with survival",
    ]  # fmt: skip


def test_groups_show_medians_and_the_test_once(page: str, pristine_study: Path) -> None:
    groups = read(pristine_study, "hti_groups")
    rows = grid(page, "HTI by groups of patients")
    expected = [f"{number(r['median'])} {interval(r['q1'], r['q3'])}" for _, r in groups.iterrows()]
    assert [row[3] for row in rows] == expected
    assert [row[6] for row in rows] == ["HTI differs between groups", "", "no association found", "", "", ""]


def test_composition_is_that_of_patients_with_positive_tiles(page: str, pristine_study: Path) -> None:
    hti = read(pristine_study, "hti")
    share = hti.loc[hti["n_positive"] > 0, "share_MKI67"]
    rows = {row[0]: row for row in grid(page, "Composition of the positive tiles")}
    assert rows["MKI67"][1].startswith(percent(share.median()))
    assert rows["MKI67"][2] == percent(share.max())


def test_summary_repeats_the_tables_with_n_and_interval(page: str, pristine_study: Path) -> None:
    text = plain(section(page, "summary"))
    metrics = read(pristine_study, "metrics")
    for _, row in metrics[
        metrics[["set", "model", "level", "metric"]].eq(["test", "ensemble", "slide", "auroc"]).all(axis=1)
    ].iterrows():
        claim = f"AUROC {number(row['value'])} (95 % CI {interval(row['low'], row['high'])}) on {count(row['n'])} held-out slides"
        assert claim in text
    assert "90 of 97 slides and 90 of 95 patients were analysed" in text
    table = read(pristine_study, "hti")
    held_out = table[table["set"] != "trained"]
    hti = held_out["hti"]
    assert f"Median HTI {number(hti.median())} (quartiles {interval(hti.quantile(0.25), hti.quantile(0.75))})" in text
    assert f"over {len(hti)} patients that trained no network" in text
    assert f"{(held_out['n_positive'] == 0).sum()} patients without a positive tile" in text
    assert "log-rank p = 0.0031" in text
    assert "Hazard ratio 2.41 (95 % CI 1.31–4.43)" in text


def test_summary_gives_survival_at_five_years_from_the_curves(page: str, pristine_study: Path) -> None:
    curves = read(pristine_study, "survival_curves")
    alive = {}
    for name in ("high", "low"):
        curve = curves[(curves["analysis"] == "hti") & (curves["group"] == name) & (curves["time_days"] <= 5 * 365.25)]
        alive[name] = percent(curve["survival"].iloc[-1])
    assert f"surviving at 5 years: high {alive['high']}, low {alive['low']}" in plain(section(page, "summary"))


def test_recovery_says_what_holds_and_what_does_not(page: str) -> None:
    rows = {row[0]: row[1:] for row in grid(page, "Planted truth")}
    assert rows["held-out AUROC, MKI67"] == ["", "0.953", ">= 0.90", "✓ holds"]
    assert rows["Spearman of patient HTI with planted HTI"] == ["1", "0.7421", ">= 0.80", "✗ does not hold"]
    assert "2 of 3 goals hold" in plain(section(page, "recovery"))


def test_findings_come_worst_first(page: str) -> None:
    assert [row[0] for row in grid(page, "What the check of the inputs found")] == ["error", "warning", "info"]


def test_failures_have_their_reasons(page: str) -> None:
    assert grid(page, "1 task failed") == [["tiles", "TCGA-ZX-0003-01Z-00-DX1", "not a readable slide"]]


def test_provenance_adds_up_seconds_by_stage(page: str) -> None:
    rows = {row[0]: row[1:] for row in grid(page, "Tasks and time by stage")}
    assert rows["tiles"] == ["13", "12", "1", "1 min 18 s"]
    assert rows["train"] == ["10", "10", "0", "1 h 8 min"]
    assert "run" not in rows


def test_provenance_shows_versions_seed_and_configuration(page: str) -> None:
    text = plain(section(page, "provenance"))
    assert ["torch", "2.13.0"] in grid(page, "Versions of the software")
    assert "the seed 11" in text
    assert "horizon_years: 10" in text


def test_research_notice_stands_at_top_and_bottom(page: str) -> None:
    places = [found.start() for found in re.finditer("For research use only", page)]
    assert len(places) == 2
    assert places[0] < page.index('<section id="summary"')
    assert places[1] > page.index('<section id="provenance"')


def test_contents_list_every_section_in_order(page: str) -> None:
    contents = re.search(r"<nav.*?</nav>", page, re.S)
    assert contents is not None
    assert re.findall(r'href="#([a-z]+)"', contents[0]) == re.findall(r'<section id="([a-z]+)"', page)


def test_figures_and_tables_are_numbered_without_gaps(page: str) -> None:
    for kind in ("Table", "Figure"):
        numbers = [int(n) for n in re.findall(rf'<(?:caption|figcaption|summary)><span class="label">{kind} (\d+)\.', page)]
        unique = list(dict.fromkeys(numbers))
        assert unique == list(range(1, len(unique) + 1))


def test_every_image_has_an_alternative_text(page: str) -> None:
    texts = re.findall(r'<img src="[^"]*" alt="([^"]*)"', page)
    assert len(texts) == page.count("<img ")
    assert all(len(text) > 15 for text in texts)


@pytest.mark.parametrize("tone", ["muted", "good", "bad", "strong"])
def test_no_cell_says_how_it_is_toned(page: str, tone: str) -> None:
    assert tone not in {plain(part) for part in re.findall(r"<(?:td|th|small)[^>]*>(.*?)</(?:td|th|small)>", page, re.S)}


@pytest.mark.parametrize("missing", ["nan", "NaN", "None", "inf", "<NA>"])
def test_no_cell_says_nan(page: str, missing: str) -> None:
    cells = re.findall(r"<(?:td|th|dd)[^>]*>(.*?)</(?:td|th|dd)>", page, re.S)
    assert not [cell for cell in cells if re.search(rf"(?<![A-Za-z]){re.escape(missing)}(?![A-Za-z])", plain(cell))]


def test_fixture_is_worth_testing(pristine_study: Path) -> None:
    assert np.isfinite(read(pristine_study, "slide_scores")["ensemble"]).all()


def test_flawed_slides_head_the_contact_sheet_with_what_was_found(page: str) -> None:
    sheet = page[page.index('<figure class="sheet">') : page.index("</figure>", page.index('<figure class="sheet">'))]
    names = re.findall(r'<p class="name">([^<]+)</p>', sheet)
    assert len(names) == 60
    assert sheet.count("pen on 34\N{NO-BREAK SPACE}% of the tissue") == 2
    assert sheet.index("pen on 34") < sheet.index(names[2])
