"""Identity heat maps: how sure a network is, tile by tile, whose tissue it sees (Rawat et al. 2020, figure 4; F49)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import ArtifactError
from cartopath.maps.dense_sheet import DensePiece, render_dense_sheet

_COLOURS = "RdYlBu_r"
"""Blue 0 over yellow to red 1, which colour-blind readers can tell apart too."""


def patient_probabilities(probabilities: ArrayLike, patients: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Sum the probabilities of the pieces of each patient.

    Args:
        probabilities: (n_tiles, n_pieces) of the pieces that a network knows; rows sum to 1.
        patients: Whose each piece is, in the order of the columns.

    Returns:
        The patients, sorted, and (n_tiles, n_patients) probabilities; rows sum to 1.

    Raises:
        ArtifactError: The shapes do not fit, or a row does not sum to 1.

    >>> patient_probabilities([[0.5, 0.3, 0.2]], ["b", "a", "b"])[1].tolist()
    [[0.3, 0.7]]
    """
    by_piece = np.asarray(probabilities, dtype=np.float64)
    if by_piece.ndim != 2 or by_piece.shape[1] != len(patients):
        raise ArtifactError(
            f"patient_probabilities: expected (n_tiles, {len(patients)}), one column per piece. Got {by_piece.shape}"
        )
    if not np.allclose(by_piece.sum(axis=1), 1.0, atol=1e-3) or (by_piece < 0).any():
        raise ArtifactError("patient_probabilities: the probabilities of a tile's pieces do not sum to 1; give softmax values")
    names, owner = np.unique(np.asarray(patients, dtype=np.str_), return_inverse=True)
    belongs = owner[:, None] == np.arange(len(names))  # (n_pieces, n_patients)
    return tuple(names.tolist()), by_piece @ belongs


def identity_values(probabilities: ArrayLike, patients: Sequence[str], patient: str) -> NDArray[np.float64]:
    """Return the probability of the right patient for each tile, (n_tiles,) from 0 to 1.

    Args:
        probabilities: As for `patient_probabilities`.
        patients: As there.
        patient: Whose tissue the tiles show.

    Raises:
        ArtifactError: The network knows no piece of the patient.
    """
    names, summed = patient_probabilities(probabilities, patients)
    if patient not in names:
        raise ArtifactError(
            f"identity_values: the network was not trained on tissue of {patient!r}; it knows {len(names)} patients"
        )
    values: NDArray[np.float64] = summed[:, names.index(patient)]
    return values


def render_identity_maps(pieces: Sequence[DensePiece], *, title: str = "") -> bytes:
    """Draw pieces of tissue beside their identity heat maps: the probability of the right patient, blue 0 to red 1.

    Args:
        pieces: At least one, with values from 0 to 1.
        title: Printed above.

    Returns:
        PNG; equal input gives equal bytes.

    Raises:
        ArtifactError: There is no piece, or a value lies outside 0 to 1.
    """
    return render_dense_sheet(
        pieces, colours=_COLOURS, limits=(0.0, 1.0), value_name="probability of the right patient", title=title
    )
