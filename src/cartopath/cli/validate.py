"""What `cartopath validate` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cartopath.cli.console import OK, console, errors, guarded, print_line, print_numbers
from cartopath.core.rng import stream
from cartopath.methods.spatial.existing_map import judge_map
from cartopath.methods.spatial.reading import read_sections
from cartopath.methods.spatial.scoring import Scores
from cartopath.methods.spatial.section import Section
from cartopath.methods.spatial.validation import ValidationSpec, validate
from cartopath.methods.spatial.writing import SUMMARY, best_genes, write_scores, write_validation
from cartopath.report.validation_page import write_validation_page

_N_BEST = 8


@dataclass(frozen=True, kw_only=True)
class ValidateOptions:
    """What `cartopath validate` was asked; see there."""

    sections: Sequence[Path]
    out: Path
    only: Sequence[str]
    map_: Path | None
    pitch_um: float | None
    genes: int
    region_size: int
    min_spots: int
    yield_from: Literal["regions", "nuclei"]
    seed: int
    quiet: bool


def validate_command(options: ValidateOptions) -> int:
    """Make or take maps, judge them by the spots of sections, and return the exit code."""

    def action() -> int:
        sections = read_sections(options.sections, only=options.only, pitch_um=options.pitch_um)
        for section in sections:
            for note in section.notes:
                print_line("note", "yellow", f"{section.name}: {note}")
        if options.map_ is not None:
            judged: Sequence[Scores] = judge_map(options.map_, sections, stream(options.seed, "shuffled map"))
            write_scores(judged, options.out)
        else:
            judged = _validated(sections, options)
        _print(judged)
        console.print(f"tables: {options.out / SUMMARY}", markup=False)
        return OK

    return guarded(action)


def _validated(sections: Sequence[Section], options: ValidateOptions) -> Sequence[Scores]:
    spec = ValidationSpec(
        n_genes=options.genes,
        region_size=options.region_size,
        min_spots=options.min_spots,
        yield_from=options.yield_from,
        seed=options.seed,
    )
    validation = validate(sections, spec, news=lambda text: None if options.quiet else errors.print(text, markup=False))
    page = write_validation_page(validation, write_validation(validation, sections, options.out), options.out)
    regions = ", ".join(f"{row['section']} {row['n_regions']}" for row in validation.sections.to_dict("records"))
    console.print(f"{len(validation.genes)} genes; regions to learn from: {regions}", markup=False)
    console.print(f"page: {page}", markup=False)
    return validation.scores


def _print(judged: Sequence[Scores]) -> None:
    names = list(judged[0].r.columns)
    rows = [
        [one.name, f"{one.median:.3f}", one.n_good, f"{one.median_equal:.3f}", *(f"{one.by_section[name]:.3f}" for name in names)]
        for one in judged
    ]
    print_numbers(["", "median r", "r > .3", "equal totals", *names], rows, title="Pearson's r over spots, by gene")
    best = best_genes(judged[0], _N_BEST)
    console.print("best: " + ", ".join(f"{gene} {judged[0].by_gene[gene]:.2f}" for gene in best), markup=False)
