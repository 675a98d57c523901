"""Patients whose slides contradict each other, on planted fingerprints."""

import numpy as np
import pytest

from cartopath.core.errors import StatisticsError
from cartopath.stats.contradicted_labels import contradicted_labels


def cohort(seed: int, *, n_patients: int = 60, n_slides: int = 2, noise: float = 0.2):
    """Slides of patients that differ in ten of thirty features; a strong direction, a stain, is each slide's own."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n_patients), n_slides)
    features = rng.normal(size=(n_patients, 10))[patient] + noise * rng.normal(size=(len(patient), 10))
    features = np.column_stack([features, 6 * rng.normal(size=len(patient))]) @ rng.normal(size=(11, 30))
    return features, [f"s{i}" for i in range(len(patient))], [f"P{number}" for number in patient]


def swap(patients: list[str], pairs: list[tuple[int, int]]) -> tuple[list[str], set[str]]:
    """Exchange labels of slides; return the labels and the patients that are wrong now."""
    wrong = list(patients)
    for one, other in pairs:
        wrong[one], wrong[other] = patients[other], patients[one]
    return wrong, {patients[i] for pair in pairs for i in pair}


@pytest.mark.parametrize("seed", range(3))
def test_swapped_patients_are_found_among_sixty_though_stain_differs_most(seed):
    features, slides, patients = cohort(seed)
    labels, wrong = swap(patients, [(1, 41), (21, 91), (61, 111)])
    found = set(contradicted_labels(features, slides, labels).patients)
    assert len(wrong - found) <= 1
    assert len(found - wrong) <= 1


def test_plain_distances_do_not_find_them():
    from cartopath.stats.look_alikes import suspicious_pairs

    features, slides, patients = cohort(0)
    labels, _ = swap(patients, [(1, 41), (21, 91), (61, 111)])
    found = suspicious_pairs(features, slides, labels)
    assert found.border is None
    assert not found.misplaced


def test_a_clean_cohort_has_next_to_none():
    found = [contradicted_labels(*cohort(seed)).patients for seed in range(10)]
    assert sum(map(len, found)) <= 6  # of 600 patients


def test_of_three_slides_only_the_wrong_one_is_doubted():
    features, slides, patients = cohort(1, n_slides=3)
    labels, wrong = swap(patients, [(1, 41)])
    found = contradicted_labels(features, slides, labels)
    assert set(found.slides[:2]) == {"s1", "s41"}
    assert set(found.patients[:2]) == wrong


def test_fingerprints_that_say_nothing_give_no_border_and_say_so():
    _, slides, patients = cohort(0)
    found = contradicted_labels(np.random.default_rng(0).normal(size=(120, 30)), slides, patients)
    assert found.border is None
    assert not found.patients
    assert "alike" in found.reason


def test_the_order_of_slides_does_not_matter():
    features, slides, patients = cohort(2)
    labels, _ = swap(patients, [(1, 41)])
    order = np.random.default_rng(0).permutation(len(slides))
    one = contradicted_labels(features, slides, labels)
    other = contradicted_labels(features[order], [slides[i] for i in order], [labels[i] for i in order])
    assert one.patients == other.patients
    assert one.evidence == pytest.approx(other.evidence, abs=1e-6)


def test_patients_of_one_slide_are_neither_judged_nor_in_the_way():
    features, slides, patients = cohort(0)
    labels, wrong = swap(patients, [(1, 41)])
    labels = [f"{name} alone {i}" if i >= 110 else name for i, name in enumerate(labels)]
    found = contradicted_labels(features, slides, labels)
    assert set(found.patients) == wrong
    assert len(found.evidence) == 110


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"slides": ["s0"] * 120}, "named twice"),
        ({"patients": [f"P{i}" for i in range(120)]}, "12 are needed"),
        ({"expected_share": 0.7}, "expected_share"),
    ],
)
def test_what_cannot_be_judged_is_refused(change, said):
    features, slides, patients = cohort(0)
    arguments = {"slides": slides, "patients": patients} | change
    with pytest.raises(StatisticsError, match=said):
        contradicted_labels(features, **arguments)
