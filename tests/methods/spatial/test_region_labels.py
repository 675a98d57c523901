import numpy as np
import pytest

from cartopath.core.errors import LabelError
from cartopath.methods.spatial import read_sections
from cartopath.methods.spatial.regions import region_labels, region_members
from cartopath.methods.spatial.scoring import correlations, measured, most_counted, without_totals


def _protocol_bulk(section, genes):
    """The bulk profiles of blocks of 5 x 5 spots, straight from the definition."""
    blocks = [f"{int(x) // 5}_{int(y) // 5}" for x, y in section.grid]
    depth = section.counts.sum(axis=1).median()
    profiles = []
    for block in sorted(set(blocks)):
        ids = [spot for spot, own in zip(section.counts.index, blocks, strict=True) if own == block]
        if len(ids) >= 4:
            summed = section.counts.loc[ids].sum(axis=0)
            profiles.append(np.log1p(summed[genes] / summed.sum() * depth))
    return np.array(profiles)


def test_label_of_a_region_is_the_profile_of_its_summed_counts(planted):
    genes = most_counted(planted, 5)
    labels = region_labels(planted[0], genes, region_members(planted[0], size=5, min_spots=4))
    np.testing.assert_allclose(labels.profiles, _protocol_bulk(planted[0], genes), rtol=1e-12)


def test_blocks_with_few_spots_are_no_region(planted):
    members = region_members(planted[0], size=5, min_spots=17)
    assert sorted(members.sum(axis=1).tolist()) == [20, 20, 20, 20, 25, 25, 25, 25]
    assert members.sum(axis=0).max() == 1


def test_section_of_one_block_is_refused(planted):
    with pytest.raises(LabelError, match=r"S0: 1 regions of 50 x 50 spots.*take smaller ones"):
        region_members(planted[0], size=50, min_spots=4)


@pytest.mark.realdata
def test_real_section_has_the_regions_and_labels_of_the_protocol(real_data):
    (section,) = read_sections([real_data / "her2st"], only=["C2"])
    members = region_members(section, size=5, min_spots=4)
    assert sorted(members.sum(axis=1).tolist()) == [4, 4, 10, 13, 14, 18, 19, 22, 25, 25, 25]
    genes = most_counted([section], 50)
    np.testing.assert_allclose(region_labels(section, genes, members).profiles, _protocol_bulk(section, genes), rtol=1e-12)
    assert 0.7 < section.mpp < 0.85


def test_measured_values_are_logs_of_counts_at_the_median_depth(planted):
    section = planted[0]
    spot = section.counts.iloc[3]
    expected = np.log1p(spot["UP1"] / spot.sum() * section.counts.sum(axis=1).median())
    assert measured(section, ["UP1"]).iloc[3, 0] == pytest.approx(expected)


def test_agreement_that_only_totals_make_is_gone_between_spots_of_equal_totals():
    rng = np.random.default_rng(0)
    totals = np.exp(rng.normal(8, 1, 400))
    logs = np.log(totals)[:, None]
    own = rng.normal(size=(400, 1))
    follows_totals, follows_both = logs + 0.1 * rng.normal(size=(400, 1)), logs + own
    truth = logs + own
    assert correlations(follows_totals, truth)[0] > 0.6
    assert abs(correlations(without_totals(follows_totals, totals), without_totals(truth, totals))[0]) < 0.15
    assert correlations(without_totals(follows_both, totals), without_totals(truth, totals))[0] > 0.99
