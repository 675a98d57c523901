"""Features of many slides: one file each, made again only where encoder, slide or tiles are others; failures are listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from cartopath.core.errors import ArtifactError, SlideError
from cartopath.methods.embedding_without_study.one_slide import Computing, CutSpec, embed_slide
from cartopath.slides.resolution import WAY_OUT, WAY_OUT_NOT_SQUARE
from cartopath.store.artifacts import write_csv
from cartopath.store.embeddings import read_embeddings_header, write_embeddings
from cartopath.store.hashing import value_key
from cartopath.study.inputs import slide_identity
from cartopath.study.layout import file_name
from cartopath.training.encoding import LoadedEncoder
from cartopath.training.feature_files.finding import slide_name

VERSION = 1
TABLE_NAME = "slides.csv"

State = Literal["done", "kept", "failed"]


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """What became of a slide.

    Attributes:
        slide_id: Its name.
        path: The slide.
        state: `done`, `kept` (the file of an earlier call is of the same encoder, slide and tiles), or `failed`.
        n_tiles: In the file.
        reason: Why it failed.
    """

    slide_id: str
    path: Path
    state: State
    n_tiles: int = 0
    reason: str = ""


def features_dir(out: Path, encoder: LoadedEncoder) -> Path:
    """Return the folder with the features of an encoder, called as TRIDENT calls its own: `features_<encoder>`."""
    name = encoder.card.name
    return out / f"features_{file_name((Path(name).name if Path(name).is_dir() else name).replace('/', '_'))}"


def embed_slides(
    encoder: LoadedEncoder,
    slides: Sequence[Path],
    out: Path,
    *,
    cut: CutSpec | None = None,
    computing: Computing | None = None,
    news: Callable[[Embedded], None] | None = None,
) -> list[Embedded]:
    """Write the features of slides.

    Args:
        encoder: What makes them.
        slides: Slide files.
        out: Gets `features_<encoder>/<slide>.h5` and, beside them, `slides.csv`.
        cut: Which tiles; None for the usual ones.
        computing: How; None for the usual way.
        news: Called with what became of each slide.

    Returns:
        What became of each, in their order.

    Raises:
        SlideError: There is no slide, or two have the same name.
        TrainingError: The device is not there, or cannot compute with that precision.
    """
    folder = features_dir(out, encoder)
    found: list[Embedded] = []
    for slide_id, path in named_slides(slides).items():
        one = _embed(encoder, slide_id, path, folder, cut or CutSpec(), computing or Computing())
        found.append(one)
        if news is not None:
            news(one)
    _list(found, folder / TABLE_NAME)
    return found


def _list(found: Sequence[Embedded], path: Path) -> None:
    """Write what became of slides; those of earlier calls stay in the list."""
    table = pd.DataFrame([{**asdict(one), "path": str(one.path)} for one in found])
    if path.is_file():
        earlier = pd.read_csv(path, dtype={"slide_id": str, "path": str, "reason": str}, keep_default_na=False)
        table = pd.concat([earlier[~earlier["slide_id"].isin(table["slide_id"])], table])
    write_csv(table.sort_values("slide_id"), path)


def _embed(encoder: LoadedEncoder, slide_id: str, path: Path, folder: Path, cut: CutSpec, computing: Computing) -> Embedded:
    out = folder / f"{file_name(slide_id)}.h5"
    try:
        key = value_key(["embed", VERSION, encoder.card.key, slide_identity(path), asdict(cut)])
        if (n_tiles := _kept(out, key)) is not None:
            return Embedded(slide_id=slide_id, path=path, state="kept", n_tiles=n_tiles)
        embeddings, counts = embed_slide(encoder, path, slide_id, cut, computing)
        card = encoder.card
        meta = {"encoder_sha256": card.sha256, "licence": card.licence, "counts": counts}
        write_embeddings(embeddings, out, key=key, meta=meta)
    except (SlideError, ArtifactError, OSError) as error:
        return Embedded(slide_id=slide_id, path=path, state="failed", reason=_reason(error))
    return Embedded(slide_id=slide_id, path=path, state="done", n_tiles=counts["kept"])


def _reason(error: Exception) -> str:
    """Return in one line what an error says; there is no slide table here to state a resolution in."""
    text = str(error).replace(WAY_OUT, "state it with --assume-mpp (or --mpp, for all slides)")
    return " ".join(text.replace(WAY_OUT_NOT_SQUARE, "state the right value with --mpp").split())


def _kept(path: Path, key: str) -> int | None:
    """Return how many tiles a file holds that was made in the same way; None where there is none.

    Raises:
        ArtifactError: There is a file of another program, which is not replaced unasked.
    """
    if not path.is_file():
        return None
    header = read_embeddings_header(path)
    return int(header.meta["counts"]["kept"]) if header.key == key else None


def named_slides(slides: Sequence[Path]) -> dict[str, Path]:
    """Return slides by name.

    Raises:
        SlideError: There is none, or two have the same name.
    """
    if not slides:
        raise SlideError("no slide to embed; name files, or folders that hold slides")
    named: dict[str, Path] = {}
    for path in slides:
        if (other := named.setdefault(slide_name(path), path)) != path:
            raise SlideError(f"two slides are called {slide_name(path)}: {other} and {path}; embed them into different folders")
    return named
