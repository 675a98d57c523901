"""The options of `cartopath regress`. Everything heavy is imported inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXIT_CODES = "Exit codes: 0 done; 1 could not go on; 2 wrong usage; 3 done, but some files could not be used or trainings failed."


def regress(
    features: Annotated[
        Path, typer.Argument(metavar="FEATURES", help="Folder of feature files, one per slide.", show_default=False)
    ],
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Molecular table of the patients.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for index.html and the tables.", show_default=False)],
    genes: Annotated[
        str, typer.Option(help="all; graziani_2022, colotype or pam50; a file of genes; or names, such as ESR1,MKI67.")
    ] = "all",
    head: Annotated[
        str, typer.Option(help="Heads, with commas between them; the others are compared with the first.")
    ] = "attention",
    folds: Annotated[int, typer.Option(min=3, help="Groups of patients; each is predicted by models of the others.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Divide the patients so many times; predictions are averaged.")] = 1,
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Other features of the same slides: compared on the same folds (repeatable)."),
    ] = None,
    slides: Annotated[
        Path | None, typer.Option(help="Table of slides: slide_id and patient_id; without it, names are barcodes or patients.")
    ] = None,
    slide_dir: Annotated[
        Path | None, typer.Option(help="Folder of the slides themselves: their colour and nuclei become the baseline.")
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only slides of this kind: DX, TS, BS or MS (repeatable).")] = None,
    encoder: Annotated[str | None, typer.Option(help="Which features, where files hold those of several encoders.")] = None,
    components: Annotated[int, typer.Option(min=0, help="Principal components of the features; 0: the features.")] = 64,
    min_expressed: Annotated[
        float, typer.Option(min=0, max=1, help="With all genes: share of patients in whom a gene is expressed.")
    ] = 0.2,
    max_tiles: Annotated[int, typer.Option(min=0, help="Tiles of a slide at most, drawn at random; 0: all.")] = 4000,
    together: Annotated[bool, typer.Option("--together", help="One model for all genes, not one per gene.")] = False,
    published: Annotated[bool, typer.Option("--published", help="Train as Graziani et al. 2022 did; slow.")] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="End a training after so many epochs at the latest.")] = None,
    attention: Annotated[
        list[str] | None, typer.Option(metavar="GENE", help="Write attention and tile values of this gene (repeatable).")
    ] = None,
    control: Annotated[bool, typer.Option(help="Also train on shuffled patients, to see what comes of nothing.")] = True,
    table_format: Annotated[str | None, typer.Option("--format", help="Of the table; by default it is recognised.")] = None,
    column: Annotated[str | None, typer.Option(help="What to read where a table has several numbers per gene.")] = None,
    sample_sheet: Annotated[Path | None, typer.Option(help="Table that leads from samples to patients.")] = None,
    gene_names: Annotated[Path | None, typer.Option(help="Table of gene names, such as hgnc_complete_set.txt.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")] = 0,
    device: Annotated[str, typer.Option(help="Where heads are trained: auto, cpu, cuda, cuda:1, ...")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads that compute.")] = None,
    memory_gb: Annotated[float, typer.Option(min=0.1, help="Memory for trainings, beside the features.")] = 2.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Predict genes from anybody's feature files, without a study: which of them tissue tells, and how sure that is.

    Every patient is predicted by models that never saw them, a model for each gene, all trained together. After a kill, the same
    command goes on.
    """
    from cartopath.cli.regression.running import regress_command
    from cartopath.methods.regression import Inputs, Machine, Settings

    def prepared() -> tuple[Inputs, Settings, Machine]:
        return (
            Inputs(
                features=features,
                table=table,
                also=tuple(also or ()),
                slides=slides,
                slide_dir=slide_dir,
                format=table_format,
                column=column,
                sample_sheet=sample_sheet,
                gene_names=gene_names,
            ),
            Settings(
                genes=genes,
                heads=tuple(name.strip() for name in head.split(",") if name.strip()),
                folds=folds,
                repeats=repeats,
                together=together,
                components=components,
                min_expressed=min_expressed,
                max_tiles=max_tiles,
                kinds=tuple(kind or ()),
                encoder=encoder,
                published=published,
                max_epochs=epochs,
                control=control,
                attention=tuple(attention or ()),
                seed=seed,
            ),
            Machine(device=device, threads=threads, memory_bytes=int(memory_gb * (1 << 30))),
        )

    raise typer.Exit(regress_command(prepared, out=out, quiet=quiet))
