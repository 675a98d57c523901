import dataclasses

import numpy as np
import pytest
from PIL import Image

from cartopath.core.errors import ConfigError, SlideError
from cartopath.methods.spatial import ValidationSpec, validate, validation
from cartopath.methods.spatial.features import spot_features
from cartopath.methods.spatial.mapping import TrainingSection, learn_map
from cartopath.methods.spatial.regions import region_labels, region_members
from cartopath.methods.spatial.scoring import most_counted
from cartopath.methods.spatial.writing import write_validation

FOLLOWING, AGAINST, CONSTANT = ["UP1", "UP2"], ["DOWN1", "DOWN2"], [f"FLAT{i}" for i in range(6)]


@pytest.fixture(scope="module")
def validated(planted, planted_features):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "spot_features", lambda section: planted_features[int(section.name[1:])])
        return validate(planted, ValidationSpec(n_genes=10))


def _way(validated, start):
    return next(one for one in validated.scores if one.name.startswith(start))


def test_genes_that_follow_the_ground_are_mapped_from_labels_of_regions(validated):
    assert _way(validated, "map").by_gene[FOLLOWING + AGAINST].min() > 0.6


def test_genes_that_follow_nothing_are_not_mapped(validated):
    assert _way(validated, "map").by_gene[CONSTANT].abs().max() < 0.4


def test_labels_of_shuffled_spots_teach_nothing(validated):
    assert abs(_way(validated, "null: spots shuffled").by_gene[FOLLOWING + AGAINST].mean()) < 0.3


def test_yield_alone_does_not_tell_genes_apart(validated):
    assert _way(validated, "null: mean profile").by_gene[FOLLOWING + AGAINST].min() < 0.1


def test_map_of_regions_comes_close_to_one_taught_by_spots(validated):
    taught, learned = _way(validated, "reference"), _way(validated, "map")
    assert learned.by_gene[FOLLOWING + AGAINST].mean() > taught.by_gene[FOLLOWING + AGAINST].mean() - 0.1


def test_files_of_a_validation_hold_what_was_found(validated, planted, tmp_path):
    write_validation(validated, planted, tmp_path)
    first = (tmp_path / "maps" / "S0.csv").read_text().splitlines()
    assert first[0].split(",")[1:] == validated.genes and len(first) == 1 + len(planted[0].counts)
    assert (tmp_path / "summary.csv").read_text().splitlines()[1].startswith("map from region labels,")
    with Image.open(tmp_path / "maps.png") as sheet:
        assert max(sheet.size) < 1200


def _map_of_first(sections, features, genes, **asked):
    training = [
        TrainingSection(seen, region_labels(section, genes, region_members(section, size=5, min_spots=4)))
        for section, seen in zip(sections[1:], features[1:], strict=True)
    ]
    return learn_map(training, features[0], **asked)


def test_spots_that_change_places_within_their_region_change_no_map(planted, planted_features):
    genes, moved = most_counted(planted, 10), [planted[0]]
    for section in planted[1:]:
        order = np.arange(len(section.counts))
        for members in region_members(section, size=5, min_spots=4):
            order[members] = np.roll(order[members], 1)
        counts = section.counts.iloc[order].set_axis(section.counts.index)
        moved.append(dataclasses.replace(section, counts=counts))
    before = _map_of_first(planted, planted_features, genes, yield_from="regions")
    after = _map_of_first(moved, planted_features, genes, yield_from="regions")
    np.testing.assert_allclose(before.expected, after.expected, rtol=1e-9)


def test_yield_of_nuclei_needs_no_totals(planted, planted_features):
    genes = most_counted(planted, 10)
    thicker = [planted[0], *(dataclasses.replace(section, counts=section.counts * 3) for section in planted[1:])]
    before = _map_of_first(planted, planted_features, genes, yield_from="nuclei")
    after = _map_of_first(thicker, planted_features, genes, yield_from="nuclei")
    np.testing.assert_allclose(before.yields, after.yields)


def test_two_sections_are_too_few(planted):
    with pytest.raises(ConfigError, match=r"2 sections.*3 are needed"):
        validate(planted[:2], ValidationSpec())


def test_spots_beside_the_picture_are_refused(planted):
    shifted = dataclasses.replace(planted[0], centres_px=planted[0].centres_px + 5000)
    with pytest.raises(SlideError, match=r"196 of 196 spots of S0 lie beside the picture.*750 x 750 px"):
        spot_features(shifted)
