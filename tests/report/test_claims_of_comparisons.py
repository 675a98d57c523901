"""A comparison makes one claim of one figure, with the verdict of that figure."""

from pathlib import Path

import pandas as pd
import pytest

from cartopath.cli.compare import _print_trait
from cartopath.methods.comparison import Comparison
from cartopath.methods.comparison.compare import HTI_COLUMNS, MAP_COLUMNS, TABLE_COLUMNS
from cartopath.report.comparison_claims import comparison_claims
from cartopath.report.comparison_page import write_comparison_page

WHO = {"trait": "ER", "method": "fingerprints", "encoder": "own", "n_patients": 40, "n_high": 22, "n_low": 18}


def figures(name, value, low, high, difference=None, p=None):
    row = {name: value, f"{name}_low": low, f"{name}_high": high}
    if difference is not None:
        middle, from_, to = difference
        row |= {f"{name}_difference": middle, f"{name}_difference_low": from_, f"{name}_difference_high": to, f"{name}_p": p}
    return row


def comparison(*rows, n_rounds=3):
    table = pd.DataFrame(rows).reindex(columns=TABLE_COLUMNS)
    rounds = [{"trait": "ER", "study": row["study"], "round": i} for row in rows for i in range(n_rounds)]
    rounds = pd.DataFrame(rounds).reindex(columns=["trait", "study", "round", *TABLE_COLUMNS[4:16]])
    names, folders = [row["study"] for row in rows], [Path(row["study"]) for row in rows]
    maps, hti = pd.DataFrame(columns=MAP_COLUMNS), pd.DataFrame(columns=HTI_COLUMNS)
    return Comparison(names, folders, "rounds", ["ER"], table, rounds, maps, hti, [])


@pytest.fixture
def unlike():
    """The ensembles cannot be told apart, the rounds can."""
    first = WHO | {"study": "tiles"} | figures("auroc", 0.8, 0.7, 0.9) | figures("rounds_auroc", 0.7, 0.6, 0.8)
    other = WHO | {"study": "prints"} | figures("auroc", 0.82, 0.7, 0.9, (0.02, -0.05, 0.09), 0.4)
    return comparison(first, other | figures("rounds_auroc", 0.8, 0.7, 0.9, (0.1, 0.04, 0.16), 0.002))


@pytest.fixture
def complete():
    """Both methods are always right."""
    rows = [
        WHO | {"study": name} | figures("auroc", 1.0, 1.0, 1.0, difference, p) | figures("rounds_auroc", 0.9, 0.8, 1.0)
        for name, difference, p in (("tiles", None, None), ("prints", (0.0, 0.0, 0.0), 1.0))
    ]
    return comparison(*rows)


def test_ensemble_and_rounds_have_a_verdict_each(unlike):
    ensemble, rounds = comparison_claims(unlike)
    assert ensemble.text.startswith("prints, ensemble: AUROC 0.82 against 0.80 of tiles, difference +0.02")
    assert ensemble.verdict == "no difference found" and "rounds" not in ensemble.text
    assert rounds.text.startswith("prints, mean of rounds: AUROC 0.80 against 0.70 of tiles, difference +0.10")
    assert rounds.verdict == "better" and "ensemble" not in rounds.text


def test_one_round_is_its_own_ensemble(unlike):
    rows = unlike.table.to_dict("records")
    assert len(comparison_claims(comparison(*rows, n_rounds=1))) == 1


def test_methods_that_are_always_right_cannot_be_told_apart(complete):
    claim = comparison_claims(complete)[0]
    assert claim.verdict == "cannot be told apart here"
    assert "both separate the classes of 40 patients (22 high, 18 low) completely" in claim.text


def test_the_page_shows_both(unlike, tmp_path):
    page = write_comparison_page(unlike, tmp_path).read_text(encoding="utf-8")
    assert "no difference found" in page and "better" in page


def test_each_row_that_is_printed_has_one_figure_and_its_own_difference(unlike, capsys):
    _print_trait(unlike, "ER")
    rows = [[cell.strip() for cell in line.split("│")] for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert rows == [
        ["tiles", "ensemble", "0.80 (0.70-0.90)", "-", "-"],
        ["tiles", "rounds", "0.70 (0.60-0.80)", "-", "-"],
        ["prints", "ensemble", "0.82 (0.70-0.90)", "+0.02 (-0.05, 0.09)", "0.4"],
        ["prints", "rounds", "0.80 (0.70-0.90)", "+0.10 (0.04, 0.16)", "0.002"],
    ]


def test_nothing_is_printed_as_a_difference_of_methods_that_are_always_right(complete, capsys):
    _print_trait(complete, "ER")
    printed = " ".join(capsys.readouterr().out.split())
    assert "ER: methods that separate these patients completely cannot be told apart by them" in printed
    assert "prints │ ensemble │ 1.00 (1.00-1.00) │ - │ -" in printed
