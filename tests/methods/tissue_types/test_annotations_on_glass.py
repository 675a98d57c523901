"""Tissue that was marked on empty glass is counted, and nothing is learned from it alone."""

import numpy as np
import pytest

from cartopath.core.errors import TrainingError
from cartopath.methods.tissue_types.glass import glass_notes

TYPES = ("background", "stroma", "fat")


def tiles(*light):
    return np.stack([np.full((8, 8, 3), value, np.uint8) for value in light])


def notes(light, types, slides=None):
    shares = np.eye(3)[[TYPES.index(name) for name in types]]
    return glass_notes(tiles(*light), shares, TYPES, np.array(slides or ["S1"] * len(light)))


def test_tiles_on_glass_are_counted_with_their_slides():
    found = notes([245, 245, 245, 120], ["stroma"] * 4, ["S1", "S2", "S2", "S1"])
    assert found == ("stroma: 3 of the 4 tiles annotated as it show empty glass (S2 2, S1 1)",)


def test_a_type_on_glass_alone_is_refused():
    with pytest.raises(TrainingError, match=r"stroma: all 2 tiles .* empty glass \(S1 2\); .* draw it anew"):
        notes([245, 245, 120], ["stroma", "stroma", "fat"])


def test_background_is_glass():
    assert notes([245, 120], ["background", "stroma"]) == ()


def test_single_cells_of_fat_are_no_glass():
    assert notes([245, 230, 120], ["fat", "fat", "fat"]) == ()


def test_fat_on_glass_alone_is_refused():
    with pytest.raises(TrainingError, match="fat: all 2 tiles"):
        notes([245, 250], ["fat", "fat"])


def test_examples_carry_the_notes(annotated):
    from cartopath.methods.tissue_types.annotated import Vocabulary, find_annotated
    from cartopath.methods.tissue_types.examples import ExampleSpec, gather_examples
    from cartopath.methods.tissue_types.names import TypeNames
    from cartopath.models.fingerprint import FingerprintSpec
    from cartopath.simulate.tissue_kinds import TISSUE_KINDS

    network = FingerprintSpec(backbone="test_resnet", n_features=16, size_px=16, mpp=2.0)
    slides, _ = find_annotated(annotated / "slides", annotated / "masks")
    glass = {
        1: "muscle",
        2: "muscle",
        3: "stroma",
    }  # The planted background and epithelium, as if somebody had drawn around both.
    vocabulary = Vocabulary(TypeNames({"muscle": "muscle", "Mucle": "muscle"}), glass)
    assert TISSUE_KINDS[0] == "background"
    found = gather_examples(slides[:1], network, spec=ExampleSpec(tiles_per_type=60), vocabulary=vocabulary)
    assert any("'Mucle=muscle': no annotation is called" in note for note in found.notes)
    assert any(note.startswith("muscle: ") and "show empty glass" in note for note in found.notes)
