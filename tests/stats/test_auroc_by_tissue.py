import numpy as np
import pytest

from cartopath.core.errors import StatisticsError
from cartopath.core.rng import stream
from cartopath.stats import auroc, auroc_ci
from cartopath.stats.by_tissue import auroc_by_tissue

TYPES = ["epithelium", "stroma", "fat"]


def tiles(n_patients: int = 30, n_tiles: int = 24) -> dict[str, np.ndarray]:
    """Only epithelium knows the label; stroma is noise; every third patient has no fat."""
    rng = stream(0, "tiles")
    patient = np.repeat(np.arange(n_patients), n_tiles)
    labels = patient % 2
    tissue = np.array(TYPES)[np.where(patient % 3 == 0, rng.integers(2, size=len(patient)), rng.integers(3, size=len(patient)))]
    scores = rng.normal(0, 1, len(patient)) + np.where(tissue == "epithelium", 2.0 * labels, 0.0)
    return {"patients": np.array([f"p{i:02}" for i in patient]), "labels": labels, "scores": scores, "tissue": tissue}


def rows(**changes):
    found = auroc_by_tissue(**(tiles() | changes), types=TYPES, rng=stream(0, "bootstrap"), n_resamples=200)
    return {row.tissue: row for row in found}


def test_all_is_the_pooled_auroc_exactly():
    own = tiles()
    names = np.unique(own["patients"])
    means = [own["scores"][own["patients"] == name].sum() / (own["patients"] == name).sum() for name in names]
    labels = [own["labels"][own["patients"] == name][0] for name in names]
    assert rows()["all"].auroc.value == auroc(labels, means)


def test_all_has_the_interval_of_the_pooled_scores():
    found = rows()["all"]
    assert found.auroc == found.same_patients


def test_tissue_that_carries_the_signal_is_better_than_tissue_that_does_not():
    found = rows()
    assert found["epithelium"].auroc.low > found["stroma"].auroc.value


def test_patients_without_a_type_are_left_out_and_counted():
    found = rows()["fat"]
    assert (found.auroc.n, found.n_without) == (20, 10)


def test_type_is_compared_with_all_tiles_of_the_same_patients():
    own = tiles()
    keep = ~np.isin(own["patients"], [f"p{i:02}" for i in range(0, 30, 3)])
    kept = {name: values[keep] for name, values in own.items()}
    assert rows()["fat"].same_patients.value == rows(**kept)["all"].auroc.value


def test_patients_with_too_few_tiles_of_a_type_are_left_out():
    own = tiles()
    rare = (own["patients"] == "p01") & (own["tissue"] == "fat")
    own["tissue"][np.flatnonzero(rare)[1:]] = "stroma"
    found = auroc_by_tissue(**own, types=TYPES, rng=stream(0, "bootstrap"), min_tiles=2, n_resamples=0)
    assert found[2].n_without == 11


def test_type_without_tiles_says_why_it_has_no_auroc():
    assert rows(tissue=np.full(720, "stroma"))["fat"].auroc.reason == "there are no rows"


def test_auroc_is_that_of_the_mean_score():
    found = auroc_ci([1, 0, 1], [0.4, 0.3, 0.2], rng=stream(0, "a"), n_resamples=0).value
    own = auroc_by_tissue(
        ["a", "a", "b", "c"],
        [1, 1, 0, 1],
        [0.6, 0.2, 0.3, 0.2],
        ["fat"] * 4,
        types=["fat"],
        rng=stream(0, "a"),
        n_resamples=0,
    )
    assert own[0].auroc.value == found


def test_different_labels_of_one_patient_are_refused():
    with pytest.raises(StatisticsError, match="different labels"):
        auroc_by_tissue(["a", "a"], [0, 1], [0.1, 0.2], ["x", "y"], types=["x"], rng=stream(0, "a"))


def test_type_called_all_is_refused():
    with pytest.raises(StatisticsError, match="call the type something else"):
        auroc_by_tissue(["a", "b"], [0, 1], [0.1, 0.2], ["x", "y"], types=["all"], rng=stream(0, "a"))
