"""Planted duplicates and swaps in a cohort are found, and an honest cohort is left in peace."""

import sys
import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from cartopath.core.errors import StatisticsError
from cartopath.core.rng import stream
from cartopath.stats.look_alikes import same_patient_pairs, suspicious_pairs

N_PATIENTS, N_SLIDES, N_FEATURES = 60, 3, 512


def cohort(seed, *, noise=0.8):
    """Fingerprints of slides around their patients', with names and patients."""
    rng = stream(seed, "cohort")
    centre = rng.normal(size=(N_PATIENTS, 24)) @ rng.normal(size=(24, N_FEATURES))  # patients differ in 24 directions
    own = rng.normal(size=(N_PATIENTS * N_SLIDES, 24)) @ rng.normal(size=(24, N_FEATURES))
    features = np.repeat(centre, N_SLIDES, axis=0) + noise * own
    slides = [f"S{i:03d}" for i in range(len(features))]
    patients = [f"P{i // N_SLIDES:02d}" for i in range(len(features))]
    return features, slides, patients, rng


def counts(seed):
    """Planted and found: duplicates of six slides under another patient, six pairs of swapped labels."""
    features, slides, patients, rng = cohort(seed, noise=0.55)
    chosen = rng.permutation(N_PATIENTS)
    scale = np.linalg.norm(features, axis=1).mean() / np.sqrt(N_FEATURES)
    duplicates = set()
    for source, target in zip(chosen[:6] * N_SLIDES, chosen[6:12] * N_SLIDES, strict=True):
        features[target] = features[source] + 0.03 * scale * rng.normal(size=N_FEATURES)
        duplicates.add(tuple(sorted((slides[source], slides[target]))))
    swapped = set()
    for first, second in zip(chosen[12:18] * N_SLIDES, chosen[18:24] * N_SLIDES, strict=True):
        features[[first, second]] = features[[second, first]]
        swapped |= {slides[first], slides[second]}
    found = suspicious_pairs(features, slides, patients)
    found_duplicates = {(pair.first, pair.second) for pair in found.pairs if pair.kind == "duplicate"}
    copies = {slide for pair in duplicates for slide in pair}  # a copy under another patient's name is misplaced too
    return duplicates, found_duplicates, swapped, set(found.misplaced) - copies


def test_planted_duplicates_and_swaps_are_found():
    results = [counts(seed) for seed in range(10)]
    for name, planted, found in (("duplicates", 0, 1), ("swaps", 2, 3)):
        hits = sum(len(result[planted] & result[found]) for result in results)
        n_found, n_planted = (sum(len(result[which]) for result in results) for which in (found, planted))
        said = f"{name}: precision {hits / n_found:.3f} ({hits}/{n_found}), recall {hits / n_planted:.3f} ({hits}/{n_planted})\n"
        sys.stdout.write(said)
        assert hits / n_found > 0.95
        assert hits / n_planted > 0.9


def test_an_honest_cohort_has_few_suspicious_pairs():
    n_pairs, n_misplaced = 0, 0
    for seed in range(10):
        features, slides, patients, _ = cohort(100 + seed, noise=0.55)
        found = suspicious_pairs(features, slides, patients)
        n_pairs += len([pair for pair in found.pairs if pair.kind != "two_patients"])
        n_misplaced += len(found.misplaced)
    assert n_pairs < 0.001 * 10 * found.n_other
    assert n_misplaced <= 2


def test_slides_of_two_patients_that_are_one_are_told():
    features, slides, patients, _ = cohort(7, noise=0.5)
    renamed = ["P99" if slide == "S003" else patient for slide, patient in zip(slides, patients, strict=True)]
    found = suspicious_pairs(features, slides, renamed)
    assert {"S004", "S005"} <= {p.first if p.second == "S003" else p.second for p in found.pairs if "S003" in (p.first, p.second)}
    assert {pair.kind for pair in found.pairs if "S003" in (pair.first, pair.second)} == {"one_patient"}


def test_fingerprints_that_do_not_tell_patients_apart_say_so():
    rng = stream(0, "noise")
    found = suspicious_pairs(rng.normal(size=(40, 64)), [f"S{i}" for i in range(40)], [f"P{i // 2}" for i in range(40)])
    assert found.border is None
    assert found.pairs == ()
    assert "tell" in found.reason or "told" in found.reason


def test_with_one_slide_per_patient_distances_of_halves_stand_in():
    features, _, _, rng = cohort(3, noise=0.4)
    left, right = features[0::3], features[1::3]
    left[5] = left[4] + 1e-3 * rng.normal(size=N_FEATURES)
    slides = [f"S{i:02d}" for i in range(N_PATIENTS)]
    alone = suspicious_pairs(left, slides, slides)
    assert (alone.border, alone.n_same) == (None, 0)
    assert "0 pairs of one patient" in alone.reason
    assert [(p.first, p.second, p.kind) for p in alone.pairs] == [("S04", "S05", "duplicate")]  # which takes no border
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (features[0::3], right)]
    halves = np.delete(np.linalg.norm(unit[0] - unit[1], axis=1), 5)
    found = suspicious_pairs(left, slides, slides, same_patient_distances=halves)
    assert [(p.first, p.second, p.kind) for p in found.pairs] == [("S04", "S05", "duplicate")]


def test_the_order_of_slides_changes_nothing():
    features, slides, patients, rng = cohort(4)
    order = rng.permutation(len(slides))
    first = suspicious_pairs(features, slides, patients)
    second = suspicious_pairs(features[order], [slides[i] for i in order], [patients[i] for i in order])
    assert first.border == pytest.approx(second.border)
    assert {frozenset((p.first, p.second)) for p in first.pairs} == {frozenset((p.first, p.second)) for p in second.pairs}


def test_pairs_walked_through_in_blocks_are_those_of_the_whole_matrix(monkeypatch):
    features, slides, patients, _ = cohort(5, noise=0.6)
    features[4] = features[100]
    patients[7], patients[50] = patients[50], patients[7]
    monkeypatch.setattr("cartopath.stats.look_alikes._BLOCK_PAIRS", 7 * len(slides))
    found = suspicious_pairs(features, slides, patients, normalise=False)
    whole, owner = cdist(features, features), np.array(patients)
    other = np.triu(owner[:, None] != owner, 1)
    wanted = {(slides[i], slides[j]) for i, j in np.argwhere(other & (whole < found.border))}
    assert {(p.first, p.second) for p in found.pairs if not p.same_patient} == wanted
    assert {(p.first, p.second): p.distance for p in found.pairs}["S004", "S100"] == 0.0
    same = np.triu(owner[:, None] == owner, 1)
    far = {(slides[i], slides[j]) for i, j in np.argwhere(same & (whole > found.border))}
    assert {(p.first, p.second) for p in found.pairs if p.kind == "two_patients"} == far
    assert (found.n_same, found.n_other) == (same.sum(), other.sum())


def test_memory_does_not_grow_with_the_square_of_the_slides():
    rng = stream(0, "many slides")
    n = 3500  # all distances at once would be 98 MB
    features = np.repeat(rng.normal(size=(n // 2, 8)), 2, axis=0) + 0.1 * rng.normal(size=(n, 8))
    slides, patients = [f"S{i:04d}" for i in range(n)], [f"P{i // 2:04d}" for i in range(n)]
    tracemalloc.start()
    found = suspicious_pairs(features, slides, patients)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.border is not None
    assert peak < 40e6


def test_pairs_of_one_patient_are_listed_once():
    assert same_patient_pairs(["x", "y", "y", "x", "y"]).tolist() == [[0, 3], [1, 2], [1, 4], [2, 4]]
    assert same_patient_pairs(["x", "y"]).shape == (0, 2)


def test_misshapen_input_is_refused():
    with pytest.raises(StatisticsError, match="own name"):
        suspicious_pairs(np.eye(3), ["a", "a", "b"], ["x", "y", "z"])
    with pytest.raises(StatisticsError, match="finite"):
        suspicious_pairs(np.full((3, 2), np.nan), ["a", "b", "c"], ["x", "y", "z"])
