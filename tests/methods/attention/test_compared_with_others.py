"""Attention beside another method on the same splits: only patients who are new to both are judged."""

import pandas as pd
import pytest

from cartopath.methods.comparison.compare import compare_studies


@pytest.fixture(scope="module")
def compared(finished_study, attention_study):
    return compare_studies([finished_study, attention_study])


def test_the_traits_of_both_are_compared(compared):
    assert compared.traits == ["MKI67", "hsa-miR-17-5p"]
    assert compared.table["method"].tolist() == ["tile_classifier", "attention"] * 2


def test_correlations_are_over_patients_who_are_new_to_both(compared, attention_study):
    splits = pd.read_parquet(attention_study / "cohort" / "splits.parquet")
    n_test = splits.loc[splits["set"] == "test", "patient_id"].nunique()
    assert (compared.table["spearman_n"] == n_test).all()


def test_maps_are_those_of_test_patients(compared, attention_study):
    splits = pd.read_parquet(attention_study / "cohort" / "splits.parquet")
    assert set(compared.maps["patient_id"]) == set(splits.loc[splits["set"] == "test", "patient_id"])


def test_heads_that_train_together_are_shared_seconds(compared):
    own = compared.table.set_index(["method", "trait"])
    assert own.loc[("attention", "MKI67"), "shared_seconds"] > own.loc[("attention", "MKI67"), "training_seconds"]
