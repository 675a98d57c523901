import subprocess
import sys

import numpy as np
import pytest

from cartopath.core.errors import ConfigError, StatisticsError
from cartopath.core.rng import stream
from cartopath.stats.atlas import atlas_clusters, balanced_sample, embed


def blobs(n_blobs: int, n_each: int, n_features: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = stream(0, "blobs")
    which = np.repeat(np.arange(n_blobs), n_each)
    middles = rng.normal(0, 10, (n_blobs, n_features))
    return middles[which] + rng.normal(0, 0.5, (len(which), n_features)), which


def planted_plane() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sixteen groups of 25 points far apart, whose scores rise from -1 to 1; ten patients, all in every group."""
    rng = stream(0, "plane")
    group = np.repeat(np.arange(16), 25)
    points = np.stack([group % 4, group // 4], axis=1) * 100.0 + rng.normal(0, 1, (len(group), 2))
    scores = np.linspace(-1, 1, 16)[group]
    return points, scores, np.array([f"p{i % 10}" for i in range(len(group))])


def test_sample_is_bounded_and_balanced_over_patients():
    patients = np.repeat(["a", "b", "c"], [100, 40, 3])
    chosen = balanced_sample(patients, 43, rng=stream(0, "sample"))
    assert np.unique(patients[chosen], return_counts=True)[1].tolist() == [20, 20, 3]


def test_sample_of_more_than_there_are_is_all():
    assert balanced_sample(["a", "b", "a"], 9, rng=stream(0, "sample")).tolist() == [0, 1, 2]


def test_sample_depends_on_its_stream_alone():
    patients = np.repeat(["a", "b"], 50)
    draws = [balanced_sample(patients, 10, rng=stream(seed, "sample")).tolist() for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_sample_refuses_no_tiles():
    with pytest.raises(StatisticsError, match="at least 1"):
        balanced_sample(["a"], 0, rng=stream(0, "sample"))


def test_neighbours_in_the_atlas_are_of_the_same_planted_group():
    from sklearn.neighbors import NearestNeighbors

    features, which = blobs(8, 20)
    points = embed(features, seed=0, perplexity=10)
    nearest = NearestNeighbors(n_neighbors=2).fit(points).kneighbors(points)[1][:, 1]
    assert (which[nearest] == which).all()


def test_same_seed_gives_the_same_atlas_with_any_number_of_threads():
    code = (
        "import numpy as np, hashlib; from cartopath.stats.atlas import embed;"
        "x = np.random.default_rng(0).normal(size=(60, 12));"
        "print(hashlib.sha256(embed(x, seed=3, perplexity=8).tobytes()).hexdigest())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PATH": "", "OMP_NUM_THREADS": threads}
        ).stdout
        for threads in ("1", "2")
    }
    assert len(printed) == 1


def test_few_tiles_of_few_features_still_have_places():
    assert np.isfinite(embed([[0.0], [1.0], [2.0], [4.0]], seed=0)).all()


def test_missing_umap_is_said_with_a_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ConfigError, match="pip install umap-learn"):
        embed(blobs(2, 5)[0], method="umap", seed=0)


def test_unknown_embedding_is_refused():
    with pytest.raises(StatisticsError, match="'tsne', 'umap'"):
        embed(blobs(2, 5)[0], method="pca", seed=0)


def test_features_with_gaps_are_refused():
    with pytest.raises(StatisticsError, match="not a finite number"):
        embed([[0.0], [1.0], [np.nan], [4.0]], seed=0)


def test_twelve_clusters_are_the_most_extreme_ones():
    points, scores, patients = planted_plane()
    found = atlas_clusters(points, scores, patients, seed=0)
    assert found.clusters["side"].tolist() == ["negative"] * 6 + ["positive"] * 6
    assert found.clusters["mean_score"].tolist() == pytest.approx(np.linspace(-1, 1, 16)[[*range(6), *range(10, 16)]])


def test_every_cluster_shows_five_tiles_of_five_patients():
    points, scores, patients = planted_plane()
    picks = atlas_clusters(points, scores, patients, seed=0).picks
    assert picks.groupby("cluster").size().tolist() == [5] * 12
    assert all(len(set(patients[group["row"]])) == 5 for _, group in picks.groupby("cluster"))


def test_shown_tiles_are_the_nearest_of_their_patients():
    points, scores, patients = planted_plane()
    found = atlas_clusters(points, scores, patients, seed=0)
    group = np.repeat(np.arange(16), 25)
    first = found.clusters.iloc[0]
    own = np.flatnonzero(group == 0)
    distance = np.hypot(*(points[own] - [first["x"], first["y"]]).T)
    by_patient = sorted(min(distance[patients[own] == name]) for name in np.unique(patients[own]))
    assert found.picks.loc[found.picks["cluster"] == 1, "distance"].tolist() == pytest.approx(by_patient[:5])


def test_clusters_of_too_few_patients_are_passed_over():
    points, scores, patients = planted_plane()
    patients = np.where(np.repeat(np.arange(16), 25) == 0, "only one", patients)
    found = atlas_clusters(points, scores, patients, seed=0)
    assert found.clusters["mean_score"].min() > -1


def test_plane_is_divided_less_finely_where_small_clusters_have_too_few_patients():
    points, scores, _ = planted_plane()
    patients = np.array([f"p{i % 400 // 60}" for i in range(len(points))])  # A group is of one or two patients.
    found = atlas_clusters(points, scores, patients, seed=0, n_tiles=3)
    assert len(found.clusters) > 1
    assert found.clusters["n_tiles"].min() > 25


def test_fewer_clusters_come_back_where_patients_are_few():
    points, scores, _ = planted_plane()
    found = atlas_clusters(points, scores, ["a"] * len(points), seed=0)
    assert found.clusters.empty and found.picks.empty


def test_points_carry_the_number_of_their_cluster():
    points, scores, patients = planted_plane()
    found = atlas_clusters(points, scores, patients, seed=0)
    assert np.bincount(found.assignment).tolist() == [100] + [25] * 12


def test_centres_picked_by_hand_are_taken():
    points, scores, patients = planted_plane()
    found = atlas_clusters(points, scores, patients, seed=0, centres=[[300.0, 300.0], [0.0, 0.0]])
    assert found.clusters[["x", "y"]].to_numpy().tolist() == [[0.0, 0.0], [300.0, 300.0]]
    assert found.clusters["side"].tolist() == ["negative", "positive"]
