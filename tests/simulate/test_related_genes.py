"""Receptor and sex genes follow the clinical table, as in real cohorts."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cartopath.core.rng import stream
from cartopath.simulate.biology import related_genes
from cartopath.simulate.tables import clinical_table


@pytest.fixture(scope="module")
def clinical() -> pd.DataFrame:
    patients = [f"P{i:04}" for i in range(3000)]
    survival = pd.DataFrame({"months": np.ones(3000), "event": np.ones(3000, dtype=bool)})
    return clinical_table(patients, survival, stream(0, "clinical"))


@pytest.mark.parametrize(
    ("gene", "column", "word", "low", "high"),
    [
        ("ESR1", "ER_STATUS_BY_IHC", "Positive", 0.93, 0.97),
        ("PGR", "PR_STATUS_BY_IHC", "Positive", 0.91, 0.95),
        ("ERBB2", "IHC_HER2", "Positive", 0.77, 0.83),
        ("XIST", "SEX", "Female", 0.99, 1.0),
    ],
)
def test_gene_tells_its_status_as_well_as_in_tcga(clinical, gene, column, word, low, high):
    values = related_genes(clinical, clinical["PATIENT_ID"].tolist(), stream(0, "genes"))[gene]
    assert low <= roc_auc_score(clinical[column] == word, values) <= high


def test_patient_without_clinical_data_has_expression_too(clinical):
    values = related_genes(clinical, ["P0000", "unknown"], stream(0, "genes"))
    assert all(np.isfinite(value).all() and len(value) == 2 for value in values.values())
