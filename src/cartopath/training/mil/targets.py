"""The targets of many jobs at once, standardised by their training patients, and whether there is anything to learn in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cartopath.models.mil.spec import MilSpec
from cartopath.training.mil.jobs import Job

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Targets:
    """What jobs with the same bags learn.

    Attributes:
        values: (n_jobs, n_outputs, n_bags) float32, 0 where unknown; regression: in deviations from the mean; survival: times.
        known: Of the same shape, 1 or 0; survival: whether time and event are known.
        events: (n_jobs, n_bags) float32, for survival.
        weights: (n_jobs, n_outputs, 2) float32, for classification: of class 0 and 1.
        mean: (n_jobs, n_outputs) float64 over training patients; 0 where targets are not standardised.
        sd: (n_jobs, n_outputs) float64; 1 where targets are not standardised or do not vary.
        prior: (n_jobs, n_outputs) float32: what the bias of the value starts from.
        problems: Of each job: why it cannot be trained; empty where it can.
    """

    values: NDArray[np.float32]
    known: NDArray[np.float32]
    events: NDArray[np.float32] | None
    weights: NDArray[np.float32]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    prior: NDArray[np.float32]
    problems: list[str]

    def of_jobs(self, rows: Sequence[int]) -> Targets:
        """Return the targets of some of the jobs."""
        some = list(rows)
        return Targets(
            values=self.values[some],
            known=self.known[some],
            events=None if self.events is None else self.events[some],
            weights=self.weights[some],
            mean=self.mean[some],
            sd=self.sd[some],
            prior=self.prior[some],
            problems=[self.problems[row] for row in some],
        )


def targets_of(jobs: Sequence[Job], spec: MilSpec, *, balance: str) -> Targets:
    """Return the targets of jobs that share their training and validation bags."""
    stacked = np.stack([job.matrix(spec.target).T for job in jobs])  # (n_jobs, n_outputs or 2, n_bags)
    train = np.asarray(jobs[0].train, np.int64)
    validation = np.asarray(jobs[0].validation, np.int64)
    if spec.target == "survival":
        return _survival(stacked, train, validation)
    mean, sd, prior = (np.full(stacked.shape[:2], value) for value in (0.0, 1.0, 0.0))
    weights = np.ones((*stacked.shape[:2], 2))
    known = np.isfinite(stacked)
    n_known = known[:, :, train].sum(2)
    filled = np.where(known, stacked, 0.0)
    average = filled[:, :, train].sum(2) / np.maximum(n_known, 1)
    apart = np.where(known, stacked - average[:, :, None], 0.0)
    deviation = np.sqrt(np.square(apart[:, :, train]).sum(2) / np.maximum(n_known, 1))
    varies = deviation > 1e-9 * np.maximum(np.abs(average), 1e-12)
    if spec.target == "regression":
        mean, sd = average, np.where(varies, deviation, 1.0)
        filled = apart / sd[:, :, None]
    if spec.target == "classification":
        share = np.clip(average, 1e-3, 1 - 1e-3)
        if balance == "class":
            weights = 0.5 / np.stack([1 - share, share], -1)
        else:
            prior = np.log(share / (1 - share))
    watched = known[:, :, validation].sum((1, 2)) > 0 if len(validation) else np.ones(len(jobs), bool)
    problems = [_problem(bool(vary.any()), bool(watch)) for vary, watch in zip(varies, watched.tolist(), strict=True)]
    return Targets(
        values=filled.astype(np.float32),
        known=(known & varies[:, :, None]).astype(np.float32),
        events=None,
        weights=weights.astype(np.float32),
        mean=mean,
        sd=sd,
        prior=prior.astype(np.float32),
        problems=problems,
    )


def _problem(varies: bool, watched: bool) -> str:
    if not varies:
        return "the target does not vary among training patients"
    return "" if watched else "no validation patient was measured"


def _survival(stacked: NDArray[np.float64], train: NDArray[np.int64], validation: NDArray[np.int64]) -> Targets:
    known: NDArray[np.bool_] = np.isfinite(stacked).sum(1) == 2
    times, events = (np.where(known, stacked[:, row], 0.0) for row in (0, 1))
    problems = []
    for row in range(len(stacked)):
        can = [_has_pair(times[row, some], events[row, some], known[row, some]) for some in (train, validation)]
        problem = "" if can[0] else "no training patient died before another"
        problems.append(problem if not can[0] or can[1] or not len(validation) else "no validation patient died before another")
    ones = np.ones((len(stacked), 1))
    return Targets(
        values=times[:, None].astype(np.float32),
        known=known[:, None].astype(np.float32),
        events=events.astype(np.float32),
        weights=np.ones((len(stacked), 1, 2), np.float32),
        mean=0 * ones,
        sd=ones,
        prior=np.zeros((len(stacked), 1), np.float32),
        problems=problems,
    )


def _has_pair(times: NDArray[np.float64], events: NDArray[np.float64], known: NDArray[np.bool_]) -> bool:
    died = times[known & (events > 0)]
    return len(died) > 0 and bool((times[known] >= died.min()).sum() > 1)
