"""How strongly a ridge regression must shrink, chosen by leaving out one training section after the other.

Only labels of regions judge. Penalties are not far apart on so few regions, and what is left over is how well single spots, which
differ more than regions do, are predicted. So a profile's penalty is the largest whose error is within one standard error of the
best (Breiman et al. 1984).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cartopath.methods.spatial.region_ridge import LabelledRegions, predict_spots

NOISES = (0.03, 0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


def chosen_noise(sections: Sequence[LabelledRegions], *, sparing: bool) -> float:
    """Return the penalty that predicts the regions of a left-out section best.

    Args:
        sections: Two or more training sections.
        sparing: Take the largest penalty that is no worse than the best by more than one standard error over the sections.
    """
    others = [[other for other in sections if other is not one] for one in sections]
    explained = np.array([_explained(training, one) for training, one in zip(others, sections, strict=True)])
    mean = explained.mean(axis=0)  # (n_noises,)
    best = int(mean.argmax())
    if not sparing:
        return NOISES[best]
    allowed = mean[best] - explained[:, best].std(ddof=1) / np.sqrt(len(sections))
    return max(noise for noise, value in zip(NOISES, mean, strict=True) if value >= allowed)


def _explained(training: Sequence[LabelledRegions], held_out: LabelledRegions) -> NDArray[np.float64]:
    """Return which part of the variance over regions is explained at each penalty, the mean over targets, (n_noises,)."""
    weight = held_out.n_spots[:, None] / held_out.n_spots.sum()
    truth = held_out.labels - (weight * held_out.labels).sum(axis=0)
    varies = (weight * truth**2).sum(axis=0) > 1e-12
    explained = []
    for spots in predict_spots(training, held_out.features, NOISES):
        predicted = held_out.weights @ spots
        predicted = predicted - (weight * predicted).sum(axis=0)
        lost = (weight * (truth - predicted) ** 2).sum(axis=0)[varies] / (weight * truth**2).sum(axis=0)[varies]
        explained.append(1 - lost.mean() if varies.any() else 0.0)
    return np.array(explained)
