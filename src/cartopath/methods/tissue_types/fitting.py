"""Fitting a model of tissue types to examples: a linear layer on a frozen encoder, or a small network from random weights.

Both learn the shares of the types in a tile, not only the one that most of it is: the loss is the cross entropy against the
shares. So the probabilities of a tile speak of its composition.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.rng import seed_for, stream
from cartopath.methods.tissue_types.examples import Examples
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.training.fingerprint.changes import AugmentationSpec, draw_changes

if TYPE_CHECKING:
    from cartopath.models.fingerprint import FingerprintNetwork

AUGMENTATION = AugmentationSpec(rotation="right_angles", flips=True, grey=0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittingSpec:
    """How a network is trained; a linear layer needs `penalty` alone.

    Attributes:
        epochs: Passes over the examples.
        batch_size: Tiles per step.
        learning_rate: At its highest; it rises over the first tenth of the steps and then falls along a cosine.
        weight_decay: Of AdamW.
        augmentation: What happens to tiles before the network sees them.
        penalty: Inverse strength of the ridge penalty on the linear layer, for standardised features.
        seed: Of weights, order and augmentation.
        threads: Of torch on a CPU; changes results in the last digits.
    """

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    augmentation: AugmentationSpec = AUGMENTATION
    penalty: float = 0.05
    seed: int = 0
    threads: int = 1


def fit_head(encoder: FingerprintNetwork, spec: FingerprintSpec, examples: Examples, fitting: FittingSpec) -> FingerprintNetwork:
    """Return the encoder with a linear classifier of types behind it; the encoder stays as it is.

    The layer minimises the cross entropy with a ridge penalty on standardised features, which has one minimum: nothing is left to
    chance. Means and deviations of the features become part of its weights.

    Args:
        encoder: Any fingerprint network.
        spec: What it is.
        examples: What to learn from.
        fitting: The penalty, and threads.
    """
    import torch

    from cartopath.models import load_weights, weights_of
    from cartopath.models.fingerprint import build_fingerprint_network
    from cartopath.training.fingerprint.extract import fingerprint_tiles

    batches = (examples.pixels[first : first + 64] for first in range(0, len(examples.pixels), 64))
    features = fingerprint_tiles(encoder, batches, threads=fitting.threads).astype(np.float64)
    weight, bias = linear_layer(features, examples.shares, penalty=fitting.penalty)
    network = build_fingerprint_network(_unpretrained(spec), n_pieces=len(examples.types))
    weights = {name: value for name, value in weights_of(encoder).items() if not name.startswith("classifier.")}
    weights |= {"classifier.weight": weight.astype(np.float32), "classifier.bias": bias.astype(np.float32)}
    with torch.no_grad():
        load_weights(network, weights, source="the encoder")
    return network.eval()


def linear_layer(
    features: NDArray[np.float64], shares: NDArray[np.float64], *, penalty: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights (n_types, d) and biases (n_types,) of the multinomial regression of shares on features.

    Args:
        features: (n, d).
        shares: (n, n_types); rows sum to 1.
        penalty: Inverse strength of the ridge penalty, as scikit-learn's `C`.
    """
    from sklearn.linear_model import LogisticRegression

    middle, spread = features.mean(axis=0), features.std(axis=0)
    spread[spread < 1e-8 * max(1.0, float(spread.max(initial=0.0)))] = np.inf  # A feature that never changes says nothing.
    standard = (features - middle) / spread
    tile, type_ = np.nonzero(shares)  # A tile of two types stands for two examples, each weighing its share.
    regression = LogisticRegression(C=penalty, max_iter=2000)
    regression.fit(standard[tile], type_, sample_weight=shares[tile, type_])
    n_types = shares.shape[1]
    coefficients, intercepts = np.zeros((n_types, features.shape[1])), np.full(n_types, -30.0)
    own, bias = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # Told apart by one row, whose sign says which.
        own, bias = np.concatenate([-own / 2, own / 2]), np.concatenate([-bias / 2, bias / 2])
    coefficients[regression.classes_], intercepts[regression.classes_] = own, bias
    return coefficients / spread, intercepts - coefficients @ (middle / spread)


def fit_network(
    spec: FingerprintSpec, examples: Examples, fitting: FittingSpec, *, news: Callable[[int, float], None] | None = None
) -> FingerprintNetwork:
    """Return a network trained from random weights.

    Args:
        spec: What to build.
        examples: What to learn from, all in memory.
        fitting: How.
        news: Called after each epoch with its number and its mean loss.
    """
    import torch

    from cartopath.models import flushed_denormals
    from cartopath.models.fingerprint import build_fingerprint_network

    network = build_fingerprint_network(spec, n_pieces=len(examples.types), seed=fitting.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=fitting.learning_rate, weight_decay=fitting.weight_decay)
    rng = stream(fitting.seed, "tissue training")
    n_steps, step = fitting.epochs * math.ceil(len(examples.pixels) / fitting.batch_size), 0
    before = torch.get_num_threads()
    torch.set_num_threads(fitting.threads)
    try:
        with flushed_denormals(), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed_for(fitting.seed, "tissue dropout"))
            for epoch in range(fitting.epochs):
                losses = []
                for rows in _batches(len(examples.pixels), fitting.batch_size, rng):
                    for group in optimizer.param_groups:
                        group["lr"] = fitting.learning_rate * _rate(step / n_steps)
                    losses.append(_step(network, optimizer, examples, rows, fitting, rng, device))
                    step += 1
                if news is not None:
                    news(epoch, float(np.mean(losses)))
    finally:
        torch.set_num_threads(before)
    return network.cpu().eval()


def _batches(n: int, size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """All rows in random order, in batches of at least two, which batch normalisation needs."""
    order = rng.permutation(n)
    batches = [order[first : first + size] for first in range(0, n, size)]
    return [batch for batch in batches if len(batch) > 1]


def _rate(progress: float) -> float:
    """Share of the highest learning rate, for progress from 0 to 1.

    >>> _rate(0.0) < 0.02, _rate(0.1), round(_rate(1.0), 6)
    (True, 1.0, 0.0)
    """
    if progress < 0.1:
        return 0.01 + 9.9 * progress
    return 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9))


def _step(
    network: FingerprintNetwork,
    optimizer: Any,
    examples: Examples,
    rows: NDArray[np.int64],
    fitting: FittingSpec,
    rng: np.random.Generator,
    device: Any,
) -> float:
    import torch
    from torch.nn.functional import cross_entropy

    from cartopath.training.fingerprint.augment import augment

    drawn = draw_changes(fitting.augmentation, len(rows), 1, rng)
    changes = {name: torch.from_numpy(getattr(drawn, name)).to(device) for name in type(drawn).__slots__}
    tiles = torch.from_numpy(examples.pixels[rows][:, None]).to(device)  # (n, 1, size, size, 3)
    size = examples.pixels.shape[1]
    x = augment(tiles, changes, size_px=size, by_any_angle=fitting.augmentation.rotation == "any")[:, 0]
    loss = cross_entropy(network(x)[1], torch.from_numpy(examples.shares[rows]).float().to(device))
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(loss.detach())


def _unpretrained(spec: FingerprintSpec) -> FingerprintSpec:
    from dataclasses import replace

    return replace(spec, pretrained=False)
