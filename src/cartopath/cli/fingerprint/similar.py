"""`cartopath fingerprint similar`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cartopath.cli.console import OK, SOME_FAILED, console, errors, guarded, print_line, print_table
from cartopath.core.cores import usable_cores
from cartopath.methods.fingerprints_without_study.encoders import open_encoder
from cartopath.methods.fingerprints_without_study.listing import list_files, list_readable
from cartopath.methods.fingerprints_without_study.pictures import CaptionedTile, tile_sheet
from cartopath.methods.fingerprints_without_study.similar import (
    LEAST_TISSUE,
    Cohort,
    Region,
    find_similar,
    region_at,
    region_pixels,
)
from cartopath.store.artifacts import write_csv
from cartopath.store.atomic import write_bytes

_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class SimilarOptions:
    """Options of the command."""

    n: int
    per_slide: int | None
    table: Path | None
    slide_mpp: float | None
    assume_mpp: float | None
    size_px: int
    mpp: float
    min_tissue: float
    device: str
    threads: int | None
    quiet: bool


def similar_command(
    model: str, slide: Path, middle: tuple[float, float], where: Sequence[Path], out: Path, how: SimilarOptions
) -> int:
    """Search, print and draw what was found, and return the exit code."""

    def action() -> int:
        threads = how.threads or usable_cores()
        encoder = open_encoder(model, size_px=how.size_px, mpp=how.mpp, device=how.device, threads=threads)
        options = {"mpp": how.slide_mpp, "assume_mpp": how.assume_mpp}
        own = list_files([slide], table=how.table, **options)[0]
        slides, unusable = list_readable(where, table=how.table, **options) if where else ([own], [])
        query = region_at(own, middle, encoder, min_tissue=min(LEAST_TISSUE, how.min_tissue))
        keep = out / "features" / encoder.key[:16]
        cohort = Cohort(slides=slides, keep=keep, min_tissue=how.min_tissue, threads=threads)

        def progress(number: int, name: str) -> None:
            errors.print(f"{number + 1}/{len(slides)}: {name}", markup=False)

        table, regions, failed = find_similar(
            encoder, query, cohort, n=how.n, per_slide=how.per_slide, progress=None if how.quiet else progress
        )
        write_csv(table, out / "similar.csv")
        captions = [
            (str(row.slide_id), f"({row.x_px0}, {row.y_px0})", f"similarity {row.similarity:.3f}")
            for row in table.itertuples(index=False)
        ]
        _draw(out, query, regions, captions, encoder.spec.size_px, len(slides))
        rows = [
            (row.rank, row.slide_id, row.x_px0, row.y_px0, f"{row.similarity:.3f}") for row in table.head(_SHOWN).itertuples()
        ]
        print_table(("rank", "slide", "x", "y", "similarity"), rows)
        for reason in (*unusable, *failed):
            print_line("failed", "yellow", reason)
        console.print(f"{len(table)} tiles: {out / 'similar.csv'}, {out / 'similar.png'}", markup=False)
        return SOME_FAILED if failed or unusable else OK

    return guarded(action)


def _draw(
    out: Path, query: Region, regions: Sequence[Region], captions: Sequence[tuple[str, ...]], size_px: int, n_slides: int
) -> None:
    asked = CaptionedTile(
        region_pixels(query, size_px), (query.slide_id, f"({query.x_px0}, {query.y_px0})", "the region asked about")
    )
    found = [CaptionedTile(region_pixels(region, size_px), caption) for region, caption in zip(regions, captions, strict=True)]
    title = f"Most similar of {n_slides} slide{'s' if n_slides > 1 else ''}; corners in level-0 pixels"
    write_bytes(out / "similar.png", tile_sheet(asked, found, title=title))
