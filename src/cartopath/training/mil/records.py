"""What many jobs did epoch by epoch, and when each of them ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cartopath.training.mil.head import MilHead, Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Records:
    """The losses, the best epochs and the endings of jobs.

    Args:
        n_jobs: How many.
        patience: Epochs in a row that are not the best so far after which a job ends.
        max_epochs: After which it ends at the latest.
    """

    def __init__(self, n_jobs: int, *, patience: int, max_epochs: int) -> None:
        self._patience, self._max_epochs = patience, max_epochs
        self._train = np.full((n_jobs, max_epochs), np.nan)
        self._validation = np.full((n_jobs, max_epochs), np.nan)
        self._n_epochs = np.zeros(n_jobs, np.int64)
        self._best = np.full(n_jobs, np.inf)
        self._best_epoch = np.full(n_jobs, -1)
        self._ending = np.full(n_jobs, "", dtype="U12")

    @property
    def n_ended(self) -> int:
        """How many jobs have ended."""
        return int((self._ending != "").sum())

    def is_going(self, jobs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of these jobs have not ended."""
        going: NDArray[np.bool_] = self._ending[jobs] == ""
        return going

    def add(
        self, jobs: NDArray[np.int64], train: NDArray[np.float64], validation: NDArray[np.float64] | None
    ) -> NDArray[np.bool_]:
        """Note an epoch of these jobs and return for which of them it is the best so far.

        Nothing is noted for jobs that have ended.

        Args:
            jobs: Which.
            train: Their mean training losses.
            validation: Their mean validation losses; None: every epoch is better than the one before.
        """
        going = self.is_going(jobs)
        own, epoch = jobs[going], self._n_epochs[jobs[going]]
        watched = np.full(len(own), np.nan) if validation is None else validation[going]
        self._train[own, epoch], self._validation[own, epoch] = train[going], watched
        self._n_epochs[own] += 1
        is_number = np.isfinite(train[going]) & (np.isfinite(watched) | (validation is None))
        better = is_number & ((validation is None) | (watched < self._best[own]))
        self._best[own[better]], self._best_epoch[own[better]] = watched[better], epoch[better]
        self._ending[own[epoch - self._best_epoch[own] >= self._patience]] = "patience"
        self._ending[own[(epoch + 1 == self._max_epochs) & (self._ending[own] == "")]] = "max_epochs"
        self._ending[own[~is_number]] = "diverged"
        found = np.zeros(len(jobs), bool)
        found[np.flatnonzero(going)[better]] = True
        return found

    def outcome(self, job: int, name: str, head: MilHead) -> Outcome:
        """Return what became of a job."""
        n_epochs = self._n_epochs[job]
        return Outcome(
            name=name,
            head=head,
            train_losses=self._train[job, :n_epochs],
            validation_losses=self._validation[job, :n_epochs],
            best_epoch=int(self._best_epoch[job]),
            ending=str(self._ending[job]),
        )
