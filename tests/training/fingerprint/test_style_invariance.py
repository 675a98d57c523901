"""A fingerprint trained with style pairs matches new tissue across stainings where one trained on a single stain does not.

The small half of `benchmarks/fingerprint_table2.py --quick`: 16 simulated cores to train on, 34 cores of other patients to match.
"""

import functools
import sys

import pytest

from cartopath.core.rng import stream
from cartopath.models import load_weights
from cartopath.models.fingerprint import FingerprintSpec, build_fingerprint_network
from cartopath.simulate.tissue_array import FIRST_STYLE, SECOND_STYLE, ArraySpec, simulate_arrays
from cartopath.stats.matching import matching_gain, matching_game
from cartopath.training.fingerprint import (
    AugmentationSpec,
    FingerprintTraining,
    array_pieces,
    fingerprint_tiles,
    half_fingerprints,
    train_fingerprint,
)

NETWORK = FingerprintSpec(backbone="test_resnet", size_px=32, mpp=2.0)
STYLES = (FIRST_STYLE.with_mpp(2.0), SECOND_STYLE.with_mpp(1.6))


def pieces_of(folder, name, n_patients):
    spec = ArraySpec(name=name, n_patients=n_patients, core_um=240.0, styles=STYLES, missing=0.03)
    arrays = simulate_arrays(spec, folder)
    return [piece for piece in array_pieces(arrays.slides, arrays.layout(), core_um=240.0) if len(piece.pictures) == 2]


def recipe(pairing):
    """Both see as many images."""
    n = 2 if pairing == "none" else 1
    return FingerprintTraining(
        pairing=pairing,
        augmentation=AugmentationSpec(rotation="right_angles"),
        tiles_per_piece=8 * n,
        batch_size=16 * n,
        validation_tiles_per_piece=4,
        max_chunks=8,
        lr=2e-3,
        accelerator="cpu",
    )


def play(outcome, test):
    network = build_fingerprint_network(NETWORK, n_pieces=len(outcome.pieces))
    load_weights(network, outcome.weights, source="training")
    encode = functools.partial(fingerprint_tiles, network, device="cpu")
    sides = [
        half_fingerprints(encode, test, NETWORK, half=half, style=style, overlap=0.5)
        for half, style in (("left", "first"), ("right", "second"))
    ]
    return matching_game(*sides, rng=stream(0, "table 2"))


@pytest.mark.slow
def test_style_pairs_match_new_tissue_across_stainings_better(tmp_path):
    train, test = pieces_of(tmp_path, "train-small", 8), pieces_of(tmp_path, "test", 18)
    games = {}
    for name, pairing in (("without style pairs", "none"), ("with style pairs", "sections")):
        pieces = train if pairing == "sections" else [piece.only(["first"]) for piece in train]
        outcome = train_fingerprint(pieces, NETWORK, recipe(pairing), work_dir=tmp_path / pairing)
        games[name] = play(outcome, test)
        sys.stdout.write(f"{name}: {games[name]}\n")
    gain = matching_gain(games["with style pairs"].core, games["without style pairs"].core, rng=stream(0, "gain"))
    sys.stdout.write(f"gain {gain}\n")
    assert games["with style pairs"].core.accuracy.low > games["with style pairs"].core.chance
    assert gain.low > 0
