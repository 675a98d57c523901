"""How strongly a ridge regression must shrink, and how many profiles genes share: chosen by leaving out section after section.

Only labels of regions judge. They hardly tell penalties apart, being few, while single spots, which differ more than regions do,
suffer when too little is shrunk. So the simplest choice is taken whose error is within one standard error of the best (Breiman et
al. 1984).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cartopath.methods.spatial.region_ridge import Array, LabelledRegions, predict_spots, shared_profiles

NOISES = (0.03, 0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
RANKS = (1, 2, 3, 4, 6, 8, 12, 20)

_Choice = TypeVar("_Choice", int, float)
_Predict = Callable[[Sequence[LabelledRegions], LabelledRegions], Sequence[Array]]
"""Returns what each choice says of the spots of a section, (n_spots, n_targets)."""


def chosen_noise(sections: Sequence[LabelledRegions]) -> float:
    """Return the largest penalty that is no worse than the best by more than one standard error.

    Args:
        sections: Two or more training sections.
    """
    explained = _explained(sections, lambda training, left_out: predict_spots(training, left_out.features, NOISES))
    return max(_as_good(NOISES, explained))


def chosen_rank(sections: Sequence[LabelledRegions], noise: float) -> int:
    """Return the smallest number of shared profiles that is no worse than the best by more than one standard error.

    Args:
        sections: Two or more training sections.
        noise: The penalty.
    """

    def predict(training: Sequence[LabelledRegions], left_out: LabelledRegions) -> list[Array]:
        (spots,) = predict_spots(training, left_out.features, [noise])
        return [spots @ shared @ shared.T for shared in (shared_profiles(training, rank) for rank in RANKS)]

    return min(_as_good(RANKS, _explained(sections, predict)))


def _as_good(choices: Sequence[_Choice], explained: Array) -> list[_Choice]:
    """Return the choices within one standard error of the best; `explained` is (n_sections, n_choices)."""
    mean = explained.mean(axis=0)
    best = int(mean.argmax())
    allowed = mean[best] - explained[:, best].std(ddof=1) / np.sqrt(len(explained))
    return [choice for choice, value in zip(choices, mean, strict=True) if value >= allowed]


def _explained(sections: Sequence[LabelledRegions], predict: _Predict) -> Array:
    """Return which part of the variance over the regions of each left-out section is explained by each choice."""
    others = [[other for other in sections if other is not one] for one in sections]
    rows = [
        [_share_explained(left_out, spots) for spots in predict(training, left_out)]
        for training, left_out in zip(others, sections, strict=True)
    ]
    return np.array(rows)  # (n_sections, n_choices)


def _share_explained(section: LabelledRegions, spots: Array) -> float:
    """Return the share of the variance over regions, weighted by their spots, that a map explains: the mean over targets."""
    weight = section.n_spots[:, None] / section.n_spots.sum()

    def centred(values: NDArray[np.float64]) -> Array:
        return np.asarray(values - (weight * values).sum(axis=0))

    truth, predicted = centred(section.labels), centred(section.weights @ spots)
    total = (weight * truth**2).sum(axis=0)
    varies = total > 1e-12
    lost = (weight * (truth - predicted) ** 2).sum(axis=0)[varies] / total[varies]
    return float(1 - lost.mean()) if varies.any() else 0.0
