import numpy as np

from cartopath.methods.spatial.choosing import NOISES, chosen_noise, chosen_rank
from cartopath.methods.spatial.region_ridge import LabelledRegions, predict_spots, shared_profiles


def _regions(rng, slopes, *, n_regions=12, noise=0.0, n_spots=96):
    features = rng.normal(size=(n_spots, len(slopes)))
    features -= features.mean(axis=0)
    weights = np.kron(np.eye(n_regions), np.full((1, n_spots // n_regions), n_regions / n_spots))
    labels = weights @ features @ slopes + 7 + rng.normal(0, noise, (n_regions, slopes.shape[1]))
    return LabelledRegions(features, weights, weights.astype(bool).sum(axis=1).astype(float), labels)


def test_means_of_regions_teach_the_function_of_single_spots():
    rng = np.random.default_rng(0)
    slopes = rng.normal(size=(4, 2))
    spots = rng.normal(size=(50, 4))
    predicted = predict_spots([_regions(rng, slopes) for _ in range(3)], spots, [1e-6])[0]
    truth = (spots - spots.mean(axis=0)) @ slopes
    np.testing.assert_allclose(predicted, truth, atol=0.05)


def test_both_ways_to_solve_agree():
    rng = np.random.default_rng(1)
    slopes = rng.normal(size=(20, 2))
    many = [_regions(rng, slopes, noise=0.3) for _ in range(2)]
    means = np.vstack([one.means for one in many])
    labels = np.vstack([one.centred for one in many])
    spots = rng.normal(size=(9, 20))
    predicted = predict_spots(many, spots, [0.4])[0]  # 24 regions, 20 features: solved for coefficients
    kernel = np.linalg.solve(means @ means.T / 20 + 0.4 * np.eye(24), labels)
    np.testing.assert_allclose(predicted, (spots - spots.mean(axis=0)) @ means.T / 20 @ kernel, atol=1e-9)


def test_small_regions_count_less():
    rng = np.random.default_rng(2)
    good, bad = _regions(rng, np.array([[1.0]])), _regions(rng, np.array([[-1.0]]))
    small = LabelledRegions(bad.features, bad.weights, bad.n_spots / 100, bad.labels)
    spots = np.array([[-1.0], [1.0]])
    assert predict_spots([good, small], spots, [1e-3])[0][1, 0] > 0.5
    assert abs(predict_spots([good, bad], spots, [1e-3])[0][1, 0]) < 0.5


def test_noisy_labels_ask_for_more_shrinkage():
    rng = np.random.default_rng(3)
    slopes = rng.normal(size=(10, 30))
    clean = [_regions(rng, slopes) for _ in range(3)]
    noisy = [_regions(rng, slopes * 0.1, noise=2.0) for _ in range(3)]
    assert chosen_noise(clean) == NOISES[0]
    assert chosen_noise(noisy) > NOISES[0]


def test_one_pattern_behind_all_genes_needs_one_shared_profile():
    rng = np.random.default_rng(4)
    alike = np.outer(rng.normal(size=5), rng.normal(size=30))
    assert chosen_rank([_regions(rng, alike, noise=0.3) for _ in range(3)], 0.1) == 1


def test_several_patterns_need_several_profiles():
    rng = np.random.default_rng(5)
    slopes = np.kron(np.eye(4), np.ones((1, 8)))
    assert chosen_rank([_regions(rng, slopes) for _ in range(3)], 0.03) >= 3


def test_shared_profiles_hold_all_of_labels_that_differ_along_them():
    rng = np.random.default_rng(6)
    regions = _regions(rng, np.outer([1.0, -2.0], rng.normal(size=7)))
    shared = shared_profiles([regions], 1)
    np.testing.assert_allclose(regions.centred @ shared @ shared.T, regions.centred, atol=1e-9)
