"""A map needs nothing of a region but its bulk profile: how much was counted follows from it, since counts are whole numbers.

The sections of a HER2-positive tumour are mapped by their fixed protocol: labels as its `bulk` hands them out, maps judged by its
`score`, and nothing else of what was counted.
"""

from __future__ import annotations

import importlib.util

import numpy as np
import pandas as pd
import pytest

from cartopath.methods.spatial import read_sections
from cartopath.methods.spatial.features import spot_features
from cartopath.methods.spatial.mapping import TrainingSection, learn_map
from cartopath.methods.spatial.regions import RegionLabels, region_labels, region_members
from cartopath.methods.spatial.scoring import most_counted

TAUGHT_BY_SPOTS = (0.266, 219)
"""Median r and genes above 0.3 that the protocol gives for a ridge regression on hand-made features which saw the spots."""


def size_of_one_count(profile):
    """Return what one count is in a profile of log1p values: the largest step of which all are multiples, by Euclid."""
    values = np.expm1(profile)
    nothing = 1e-5 * values.max()
    step = values.max()
    for i, other in enumerate(values, start=1):
        while other > nothing:
            step, other = other, abs(step - round(step / other) * other)
        counts = np.round(values[:i] / step)
        step = values[:i] @ counts / (counts @ counts)  # or errors of rounding add up
    return step


def test_totals_of_regions_follow_from_their_profiles(planted):
    genes = most_counted(planted, 10)
    for section in planted:
        labels = region_labels(section, genes, region_members(section, size=5, min_spots=4))
        found = [np.log(labels.depth / size_of_one_count(profile)) for profile in labels.profiles]
        np.testing.assert_allclose(found - np.log(labels.n_spots), labels.yields, atol=1e-6)


@pytest.fixture(scope="module")
def protocol(real_data):
    path = real_data.parent / "bench" / "her2st_protocol.py"
    if not path.is_file():
        pytest.skip(f"needs {path.name} beside the real data")
    spec = importlib.util.spec_from_file_location("her2st_protocol", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def labels_of(protocol, counts, spots, ids, genes):
    """Return the labels of a section out of what the protocol hands out of it."""
    handed_out = protocol.bulk(counts, spots, genes)
    members = np.array([np.isin(ids, own) for own, _ in handed_out.values()])
    profiles = np.array([profile.to_numpy() for _, profile in handed_out.values()])
    relative = -np.log([size_of_one_count(profile) for profile in profiles])
    return RegionLabels(members, profiles, relative - np.log(members.sum(axis=1)), depth=1.0)


def test_maps_learned_from_profiles_alone_surpass_a_ridge_regression_that_saw_the_spots(real_data, protocol):
    data = protocol.load(real_data)
    genes = protocol.top_genes(data)
    sections = {section.name: section for section in read_sections([real_data / "her2st"])}
    features = {name: spot_features(section) for name, section in sections.items()}
    training = {}
    for name, (_, counts, spots) in data.items():
        labels = labels_of(protocol, counts, spots, sections[name].counts.index, genes)
        training[name] = TrainingSection(features[name], labels)
    scores = []
    for name, (_, counts, _) in data.items():
        others = [section for other, section in training.items() if other != name]
        made = learn_map(others, features[name], yield_from="regions").expected
        found = pd.DataFrame(made, index=sections[name].counts.index, columns=genes)
        scores.append(protocol.score(found, counts, genes))
    by_gene = pd.concat(scores, axis=1).mean(axis=1)
    median, n_good = TAUGHT_BY_SPOTS
    assert by_gene.median() > median
    assert (by_gene > 0.3).sum() > n_good
