import numpy as np
import pandas as pd
import pytest

from cartopath.methods.spatial.rotation import PLAIN, SHUFFLED, TAUGHT, THE_MAP, YIELD_ALONE
from cartopath.methods.spatial.scoring import Scores
from cartopath.methods.spatial.validation import Validation
from cartopath.report.validation_page import write_validation_page


@pytest.fixture
def validation():
    def scores(name, r):
        table = pd.DataFrame({"C2": [r + 0.2, r, r - 0.2], "C3": [r, r, r]}, index=["EPCAM", "CTSD", "A<B"])
        return Scores(name, table, table / 4)

    ways = {THE_MAP: 0.27, YIELD_ALONE: 0.2, SHUFFLED: 0.0, PLAIN: 0.14, TAUGHT: 0.275}
    rows = [
        {"section": name, "n_spots": 100, "n_regions": 9, "mpp": 0.74, "noise": 3.0, "rank": 4, "yield_noise": own, "notes": ""}
        for name, own in (("C2", 0.3), ("C3", None))
    ]
    return Validation(["EPCAM", "CTSD", "A<B"], {}, [scores(name, r) for name, r in ways.items()], pd.DataFrame(rows))


def test_page_says_what_the_map_is_worth_beside_the_nulls(validation, tmp_path):
    html = write_validation_page(validation, b"png", tmp_path).read_text()
    assert "0.270" in html and "0.200" in html and "of 3 genes over spots" in html
    assert [html.count(f">{verdict}</") for verdict in ("above", "alike", "below")] == [3, 1, 0]  # 0.270 and 0.275 are alike


def test_page_says_what_is_left_between_spots_of_equal_totals(validation, tmp_path):
    html = write_validation_page(validation, b"png", tmp_path).read_text()
    assert "as much was counted the median correlation is 0.068; a ridge regression taught by the spots has 0.069" in html


def test_names_of_genes_cannot_become_markup(validation, tmp_path):
    html = write_validation_page(validation, b"png", tmp_path).read_text()
    assert "A&lt;B" in html and "A<B" not in html


def test_yield_that_was_not_learned_has_no_penalty(validation, tmp_path):
    assert "nan" not in write_validation_page(validation, b"png", tmp_path).read_text()
    assert np.isnan(validation.sections["yield_noise"].iloc[1])
