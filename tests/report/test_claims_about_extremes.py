"""Perfect and empty results are said for what they are."""

import pandas as pd
import pytest

from cartopath.report.results import read_results
from cartopath.report.sections import claims


@pytest.fixture
def results(tmp_path):
    (tmp_path / "tables").mkdir()
    return read_results(tmp_path)


def _claim(results, value, low, high):
    row = pd.Series({"value": value, "low": low, "high": high, "n": 16, "n_high": 7, "n_low": 9, "reason": ""})
    return claims._trait_claim(results, "MKI67", row)


def test_complete_separation_comes_with_a_warning_about_its_interval(results):
    assert "mind the n" in str(_claim(results, 1.0, 1.0, 1.0))
    assert "mind the n" not in str(_claim(results, 0.9, 0.8, 1.0))


def test_scores_without_any_difference_are_a_failed_training_and_no_null_result(results):
    assert "nothing was learned" in str(_claim(results, 0.5, 0.5, 0.5))
    assert "no association found" in str(_claim(results, 0.5, 0.3, 0.7))
