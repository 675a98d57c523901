"""Left halves matched to right halves of real tissue by hand-made features, to be compared with fingerprints.

The README of the data has 73 % in colour and 68 % in grey for 44 patients and features of its own (chance 2 %); 20 of these
patients are there (chance 5 %).
"""

import sys

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from cartopath.core.rng import stream
from cartopath.stats.matching import Side, matching_game


def features(pixels, *, colour):
    """Colour moments, and how much of the grey contrast lies in each of five octaves."""
    grey = pixels.mean(axis=2)
    octaves = [ndimage.gaussian_filter(grey, 2.0**k) - ndimage.gaussian_filter(grey, 2.0 ** (k + 1)) for k in range(-1, 4)]
    values = [np.log(octave.std()) for octave in octaves] + [np.abs(octave).mean() / octave.std() for octave in octaves]
    planes = [grey, *(np.moveaxis(pixels, -1, 0) if colour else ())]
    for plane in planes:
        values += [plane.mean(), plane.std(), *np.percentile(plane, [5, 25, 50, 75, 95])]
    if colour:
        values += np.corrcoef(pixels.reshape(-1, 3).T)[np.triu_indices(3, 1)].tolist()
    return values


@pytest.mark.realdata
@pytest.mark.parametrize(("colour", "least"), [(True, 0.73), (False, 0.68)], ids=["colour", "grey"])
def test_hand_made_features_match_real_halves_far_better_than_chance(real_data, colour, least):
    paths = sorted((real_data / "monuseg" / "images").glob("*.tif"))
    halves = {"left": [], "right": []}
    for path in paths:
        pixels = np.asarray(Image.open(path).convert("RGB").reduce(2), np.float32)  # 0.5 um per pixel
        halves["left"].append(features(pixels[:, :250], colour=colour))
        halves["right"].append(features(pixels[:, 250:], colour=colour))
    both = np.concatenate([halves["left"], halves["right"]])
    scaled = {half: (np.array(values) - both.mean(axis=0)) / both.std(axis=0) for half, values in halves.items()}
    names = [path.stem[:12] for path in paths]
    game = matching_game(
        *(Side(scaled[half], names, names) for half in ("left", "right")), normalise=False, rng=stream(0, "monuseg")
    )
    sys.stdout.write(f"{'colour' if colour else 'grey'}: {game}\n")
    assert game.core.chance == pytest.approx(1 / 20)
    assert game.core.accuracy.value >= least
