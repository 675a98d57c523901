"""Training a model of tissue types on annotated slides, and measuring it on patients that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError, TrainingError
from cartopath.core.rng import stream
from cartopath.methods.tissue_types.accuracy import accuracy_table
from cartopath.methods.tissue_types.annotated import AnnotatedSlide, Vocabulary
from cartopath.methods.tissue_types.examples import Examples, ExampleSpec, gather_examples
from cartopath.methods.tissue_types.fitting import FittingSpec, fit_head, fit_network
from cartopath.methods.tissue_types.model import write_tissue_model
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.store.artifacts import write_csv

if TYPE_CHECKING:
    from cartopath.models.fingerprint import FingerprintNetwork

TABLE_NAME = "held_out.csv"
_DRAWS = 50


@dataclass(frozen=True)
class TrainedTissue:
    """What came of a training.

    Attributes:
        accuracy: On slides that trained nothing; see `accuracy_table`. Empty where nothing was held out.
        held_out: What was held out: patients, or slides where there is one patient.
        n_examples: Tiles that trained.
        notes: What a person should know, in words.
    """

    accuracy: pd.DataFrame
    held_out: tuple[str, ...]
    n_examples: int
    notes: tuple[str, ...]


def train_tissue_model(
    slides: Sequence[AnnotatedSlide],
    out: Path,
    *,
    network: FingerprintSpec | None = None,
    encoder: Path | None = None,
    vocabulary: Vocabulary | None = None,
    examples: ExampleSpec | None = None,
    fitting: FittingSpec | None = None,
    held_out: float = 0.25,
    news: Callable[[int, float], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> TrainedTissue:
    """Train a model of tissue types, write it, and write how well it does on what was held out.

    Args:
        slides: With their annotations.
        out: The model's folder.
        network: What to train from random weights.
        encoder: Folder of a fingerprint bundle to put a linear layer on, instead.
        vocabulary: How annotations are to be understood.
        examples: Which tiles.
        fitting: How.
        held_out: Share of the patients that train nothing; of the slides where there is one patient. 0 for none.
        news: Called after each epoch of a network.
        note: Called before training with each of the notes.

    Raises:
        ConfigError: Neither or both of network and encoder are given, or a class or value is not known.
        TableError: An annotation cannot be read.
        SlideError: A slide cannot be read.
        TrainingError: There is too little to learn from.
    """
    if (network is None) == (encoder is None):
        raise ConfigError("a model of tissue types is trained from a network or from an encoder: give one of them")
    example_spec, how = examples or ExampleSpec(), fitting or FittingSpec()
    base, spec, card = _base(network, encoder)
    found = gather_examples(slides, spec, spec=example_spec, vocabulary=vocabulary or Vocabulary())
    is_held_out, groups, unit = _divide(found, held_out, example_spec.seed)
    training = found.rows(~is_held_out)
    missing = [name for name, share in zip(found.types, training.shares.sum(axis=0), strict=True) if share == 0]
    if missing:
        raise TrainingError(f"no training tile shows {', '.join(missing)}: hold out fewer {unit}, or annotate more of it")
    notes = [
        *found.notes,
        *([] if unit == "patients" else [f"all slides are of one patient: {unit} are held out, not patients"]),
    ]
    if note is not None:
        for text in notes:
            note(text)
    model = fit_network(spec, training, how, news=news) if base is None else fit_head(base, spec, training, how)
    accuracy = _measure(model, found.rows(is_held_out), how) if is_held_out.any() else pd.DataFrame()
    card |= {"held_out": list(groups), "held_out_unit": unit, "trained_on": sorted(set(training.slide_ids.tolist()))}
    card |= {"n_examples": len(training.pixels), "accuracy": _accuracies(accuracy)}
    _write(out, model, spec, found.types, card, accuracy)
    return TrainedTissue(accuracy, groups, len(training.pixels), tuple(notes))


def _base(
    network: FingerprintSpec | None, encoder: Path | None
) -> tuple[FingerprintNetwork | None, FingerprintSpec, dict[str, Any]]:
    """The encoder if there is one, what the network is, and where it comes from."""
    if network is not None:
        return None, network, {"from": "random weights"}
    from cartopath.training.fingerprint.bundle import read_fingerprint

    bundle = read_fingerprint(Path(encoder or ""))
    return bundle.network, bundle.card.spec, {"from": "encoder", "encoder_sha256": bundle.card.weights_sha256}


def _divide(found: Examples, share: float, seed: int) -> tuple[NDArray[np.bool_], tuple[str, ...], str]:
    """Which tiles are held out, whose they are, and whether that are patients or slides.

    Of the first draws the one with most types on both sides is taken: some types are seen on few slides only.
    """
    unit, names = ("patients", found.patients) if len(set(found.patients)) > 1 else ("slides", found.slide_ids)
    unique, owner = np.unique(names, return_inverse=True)
    n = 0 if share == 0 or len(unique) < 2 else min(len(unique) - 1, max(1, round(share * len(unique))))
    rng = stream(seed, "tissue held out")
    draws = [np.sort(rng.permutation(len(unique))[:n]) for _ in range(_DRAWS)]
    shows = np.stack([np.bincount(owner, weights=column) > 0 for column in found.shares.T], axis=1)  # (n_groups, n_types)

    def seen(draw: NDArray[np.int64]) -> tuple[int, int]:
        rest = np.delete(shows, draw, axis=0)
        return int(rest.any(axis=0).sum()), int(shows[draw].any(axis=0).sum())

    best = max(draws, key=seen)
    return np.isin(owner, best), tuple(unique[best].tolist()), unit


def _measure(model: FingerprintNetwork, held_out: Examples, how: FittingSpec) -> pd.DataFrame:
    from cartopath.training.fingerprint.extract import piece_probabilities

    batches = (held_out.pixels[first : first + 64] for first in range(0, len(held_out.pixels), 64))
    return accuracy_table(held_out, piece_probabilities(model, batches, threads=how.threads), seed=how.seed)


def _accuracies(accuracy: pd.DataFrame) -> dict[str, float | None]:
    rows = accuracy.to_dict("records")
    return {str(row["type"]): None if np.isnan(row["accuracy"]) else float(row["accuracy"]) for row in rows}


def _write(
    out: Path,
    model: FingerprintNetwork,
    spec: FingerprintSpec,
    types: tuple[str, ...],
    card: dict[str, Any],
    accuracy: pd.DataFrame,
) -> None:
    from cartopath.models import weights_of

    (out / TABLE_NAME).unlink(missing_ok=True)
    write_tissue_model(out, spec=spec, weights=weights_of(model), types=types, card=card)
    if len(accuracy):
        write_csv(accuracy, out / TABLE_NAME)
