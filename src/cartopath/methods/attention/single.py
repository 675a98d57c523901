"""The heads of single traits out of a head that was trained for many: what they share goes to each of them."""

from __future__ import annotations

import dataclasses

from cartopath.training.mil import MilHead

_BY_OUTPUT = ("value.weight", "value.bias")
"""Weights with a row per output; all others are shared."""


def outputs_of(head: MilHead) -> list[MilHead]:
    """Return a head for each output of one, which says exactly what that says of it."""
    if head.spec.n_outputs == 1:
        return [head]
    return [
        dataclasses.replace(
            head,
            spec=dataclasses.replace(head.spec, n_outputs=1),
            weights={name: some[i : i + 1] if name in _BY_OUTPUT else some for name, some in head.weights.items()},
            target_mean=head.target_mean[i : i + 1],
            target_sd=head.target_sd[i : i + 1],
        )
        for i in range(head.spec.n_outputs)
    ]
