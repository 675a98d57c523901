"""The page of a regression shows its tables, says what was not better, and copes with genes that nothing is known of."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from cartopath.methods.regression import Inputs, Regression, Settings
from cartopath.methods.regression.control import control_of
from cartopath.methods.regression.evaluation import Arm, arm_row, judge
from cartopath.methods.regression.expression import Expression
from cartopath.methods.regression.patients import Patients, SlideTiles
from cartopath.report.regression_page import write_regression_page
from cartopath.stats import gene_metrics
from cartopath.training.mil import Bag

N, GENES = 40, ["ESR1", "G<script>", "MKI67", "FLAT"]


def judged_regression(tmp_path, *, head_noise, ridge_noise, has_control=True):
    """A regression whose scores are the measured values and noise; one gene is predicted the same for everybody."""
    rng = np.random.default_rng(0)
    measured = rng.normal(size=(N, len(GENES)))
    head, ridge = (measured + noise * rng.normal(size=measured.shape) for noise in (head_noise, ridge_noise))
    head[:, 3] = ridge[:, 3] = 0.25
    arms = [Arm("attention", False, head, 12.0), Arm("ridge", True, ridge, 0.1)]
    names = [f"P{i:02d}" for i in range(N)]
    genes = pd.DataFrame({"gene": GENES, "feature": GENES, "group": ["luminal", "", "", ""], "direction": ["up", "", "", ""]})
    folds = np.arange(N) % 5
    judged = [judge(arm, measured, genes, [arms[1], arms[0]], "ridge", groups=folds, seed=0) for arm in arms]
    noise = gene_metrics(measured, rng.normal(size=measured.shape))
    return Regression(
        inputs=Inputs(features=tmp_path / "features", table=tmp_path / "table.csv"),
        settings=Settings(),
        patients=Patients(
            tuple(Bag(name, np.zeros((5, 3), np.float16)) for name in names),
            {name: (SlideTiles(name, 0, 5, 9, None, None),) for name in names},
            "uni_v1",
            pd.DataFrame(
                [("strange", "", "its name is no barcode and no patient")], columns=["slide_id", "patient_id", "reason"]
            ),
            ("tiles taken to be 256 level-0 pixels wide",),
        ),
        expression=Expression(
            pd.DataFrame(measured, index=names, columns=GENES),
            genes,
            "pam50",
            "log(1 + x) of TPM",
            pd.DataFrame([("KRT5", "not in the table; closest: KRT6A")], columns=["gene", "reason"]),
            (),
        ),
        splits=pd.DataFrame(columns=["repeat", "fold", "patient_id", "set"]),
        measured=measured,
        judged=judged,
        baseline="ridge",
        baseline_note="The baseline is ridge regression.",
        arms=pd.DataFrame([arm_row(one, "ridge", "attention") for one in judged]),
        genes=pd.concat([one.genes for one in judged], ignore_index=True),
        training=pd.DataFrame({"arm": ["attention"] * 2, "n_epochs": [20, 30], "ending": ["patience", "max_epochs"]}),
        control=control_of(GENES, noise) if has_control else None,
        n_attention_slides={},
    )


def page_of(tmp_path, **how):
    return write_regression_page(judged_regression(tmp_path, **how), tmp_path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return page_of(tmp_path_factory.mktemp("page"), head_noise=0.3, ridge_noise=2.0)


def test_the_page_says_that_the_head_is_better(page):
    assert "above chance" in page
    assert "better</span>" in page
    assert "3 genes better than ridge and 0 worse" in " ".join(page.split())


def test_the_page_says_that_the_baseline_is_better(tmp_path):
    assert "worse: trust the baseline" in page_of(tmp_path, head_noise=2.0, ridge_noise=0.3)


def test_the_page_shows_every_gene_and_reason(page):
    for text in ("ESR1", "luminal up", "MKI67", "FLAT", "KRT5", "not in the table; closest: KRT6A", "strange", "uni_v1"):
        assert text in page
    assert "tiles taken to be 256 level-0 pixels wide" in page


def test_names_of_genes_cannot_become_markup(page):
    assert "<script" not in page
    assert "G&lt;script&gt;" in page


def test_the_page_loads_nothing(page):
    loaded = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attrs):
            loaded.extend(value for name, value in attrs if name in ("src", "href") and not value.startswith(("data:", "#")))

    Links().feed(page)
    assert loaded == []


def test_a_gene_without_a_correlation_is_shown_as_unknown(page):
    row = page[page.index('scope="row" class="words short">FLAT') :]
    assert "–" in row[: row.index("</tr>")]


def test_equal_results_give_equal_pages(tmp_path):
    first, second = (page_of(tmp_path, head_noise=0.3, ridge_noise=2.0) for _ in range(2))
    assert first == second


def test_without_a_control_the_page_claims_nothing_of_it(tmp_path):
    assert "Nothing gives nothing" not in page_of(tmp_path, head_noise=1.0, ridge_noise=1.0, has_control=False)
