"""Pieces of tissue from what a command was given: array slides, core files, or whole slides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cartopath.core.errors import ConfigError, TrainingError
from cartopath.methods.fingerprints_without_study.arrays import gather_arrays
from cartopath.methods.fingerprints_without_study.found import Gathered, Gathering
from cartopath.methods.fingerprints_without_study.listing import Listed, list_files
from cartopath.training.fingerprint import PieceFile, SlideOfPatient, file_pieces, region_pieces

LARGEST_CORE_UM = 3000.0
"""A file whose longer side is at most this long shows one piece of tissue; a longer one is a slide."""


def gather(inputs: Sequence[Path], how: Gathering) -> Gathered:
    """Return the pieces of tissue of inputs.

    Raises:
        SlideError: A file cannot be opened, or cores cannot be found.
        TableError: A table cannot be read.
        TrainingError: Names do not fit together, or there is no piece.
        ConfigError: An option is missing, or files are of different sizes.
    """
    files = list_files(inputs, table=how.table, mpp=how.mpp, assume_mpp=how.assume_mpp)
    kind = _kind(files, how)
    found = {"array": gather_arrays, "cores": _cores, "slides": _regions}[kind](files, how)
    _check_names(found)
    return found


def _kind(files: Sequence[Listed], how: Gathering) -> str:
    if how.kind != "auto":
        return how.kind
    if how.core_um is not None or how.core_map is not None:
        return "array"
    small = [file for file in files if file.side_um <= LARGEST_CORE_UM]
    if small and len(small) < len(files):
        large = next(file for file in files if file.side_um > LARGEST_CORE_UM)
        raise ConfigError(
            f"{small[0].slide_id} is {small[0].side_um:.0f} um wide as a core is, {large.slide_id} {large.side_um:.0f} um as a "
            f"slide is; say what they are: --as cores or --as slides, or --core-um for an array"
        )
    return "cores" if small else "slides"


def _check_names(found: Gathered) -> None:
    if not found.pieces:
        raise TrainingError("no piece of tissue in the inputs; whole slides need regions full of tissue: lower --region-um")
    name, times = Counter(piece.piece_id for piece in found.pieces).most_common(1)[0]
    if times > 1:
        raise TrainingError(
            f"{times} inputs hold a piece called {name!r}: if they are sections of the same tissue, say --sections; else give "
            f"them different names (arrays: a column slide_id in the core map)"
        )


def _cores(files: Sequence[Listed], how: Gathering) -> Gathered:
    has_patients = all(file.patient_id for file in files)
    cores = [file.core_id or file.slide_id for file in files]
    if how.sections:
        styles = [file.style or file.source for file in files]
    else:
        styles = [file.style or "only" for file in files]
        _check_alone(cores, styles)
    patients: dict[str, str] = {}
    for core, file in zip(cores, files, strict=True):
        patients.setdefault(core, file.patient_id or core)
    pieces = file_pieces(
        PieceFile(piece_id=core, patient_id=file.patient_id or patients[core], path=file.path, style=style, mpp=file.mpp)
        for core, style, file in zip(cores, styles, files, strict=True)
    )
    notes = () if has_patients else ("patients are not known for all files: a core without one counts as a patient of its own",)
    slide_of = {piece.piece_id: piece.piece_id for piece in pieces}
    return Gathered(kind="cores", pieces=tuple(pieces), slide_of=slide_of, has_patients=has_patients, notes=notes)


def _check_alone(cores: Sequence[str], styles: Sequence[str]) -> None:
    pair, times = Counter(zip(cores, styles, strict=True)).most_common(1)[0]
    if times > 1:
        raise TrainingError(
            f"{times} files are called {pair[0]!r}: if they are sections of the same tissue, say --sections; else give them "
            f"different names"
        )


def _regions(files: Sequence[Listed], how: Gathering) -> Gathered:
    if how.sections:
        raise ConfigError("--sections is for arrays and core files: regions of whole slides do not lie alike in two sections")
    has_patients = all(file.patient_id for file in files)
    slides = [
        SlideOfPatient(slide_id=file.slide_id, patient_id=file.patient_id or file.slide_id, path=file.path, mpp=file.mpp)
        for file in files
    ]
    pieces = region_pieces(
        slides,
        region_um=how.region_um,
        regions_per_slide=how.regions_per_slide,
        min_tissue=how.min_tissue,
        seed=how.seed,
    )
    slide_of = {piece.piece_id: piece.piece_id.rpartition("@")[0] for piece in pieces}
    without = [slide.slide_id for slide in slides if slide.slide_id not in slide_of.values()]
    notes = [] if has_patients else ["patients are not known for all slides: a slide without one counts as a patient of its own"]
    if without:
        notes.append(
            f"{len(without)} of {len(slides)} slides have no region of {how.region_um:g} um with {how.min_tissue:.0%} tissue: "
            f"{', '.join(without[:5])}"
        )
    return Gathered(kind="slides", pieces=tuple(pieces), slide_of=slide_of, has_patients=has_patients, notes=tuple(notes))
