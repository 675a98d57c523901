"""The commands of `cartopath`. Everything heavy is imported inside the command that needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cartopath.cli.embedding.command import EXIT_CODES as EMBED_EXIT_CODES
from cartopath.cli.embedding.command import embed
from cartopath.cli.fingerprint.commands import app as fingerprint_app
from cartopath.cli.regression.command import EXIT_CODES as REGRESS_EXIT_CODES
from cartopath.cli.regression.command import regress
from cartopath.cli.style.commands import app as style_app
from cartopath.cli.tissue.app import tissue_app

app = typer.Typer(
    name="cartopath",
    help="Molecular maps from H&E whole-slide images and one bulk measurement per patient. For research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(fingerprint_app)
app.add_typer(style_app)
app.add_typer(tissue_app)
app.command(epilog=EMBED_EXIT_CODES)(embed)
app.command(epilog=REGRESS_EXIT_CODES)(regress)

StudyPath = Annotated[Path, typer.Argument(metavar="STUDY", help="Study folder, or its study.yaml.", show_default=False)]
Workers = Annotated[int | None, typer.Option(min=0, help="Worker processes; default one per core, 0: in this process.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]

EXIT_CODES = "Exit codes: 0 done; 1 could not go on; 2 wrong usage; 3 done, but some slides or trainings failed."


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cartopath {version('cartopath')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Molecular maps from H&E whole-slide images and one bulk measurement per patient. For research use only."""


@app.command(epilog="Exit codes: 0 everything planted was recovered; 1 something was not.")
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the simulated study.")] = Path("cartopath-demo"),
    method: Annotated[
        Literal["tile_classifier", "fingerprints", "attention"],
        typer.Option("--method", help="Method of the study; each into a folder of its own, which `cartopath compare` compares."),
    ] = "tile_classifier",
    effect: Annotated[float, typer.Option(help="Log hazard ratio per unit of HTI that is planted; 0 plants none.")] = 3.0,
    seed: Annotated[int, typer.Option(help="Seed of the simulation and the study.")] = 0,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Simulate a cohort with planted truth, run the whole study on it, and say what was recovered."""
    from cartopath.cli.demonstrate import demonstrate

    raise typer.Exit(demonstrate(out, method=method, effect=effect, seed=seed, workers=workers, quiet=quiet))


@app.command()
def init(study: Annotated[Path, typer.Argument(metavar="STUDY", help="Folder to make.", show_default=False)]) -> None:
    """Make a study folder with a commented study.yaml."""
    from cartopath.cli.initialise import initialise

    raise typer.Exit(initialise(study))


@app.command(
    epilog="Exit codes: 0 ready (warnings are listed); 1 not ready: mend the errors; 3 ready, but some slides cannot be used."
)
def check(
    study: Annotated[
        Path,
        typer.Argument(metavar="STUDY|SLIDES", help="Study folder, its study.yaml, or a slide folder.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="For a folder of slides: where to write; default <folder>-check in the current folder."),
    ] = None,
    assume_mpp: Annotated[
        float | None, typer.Option(min=0.05, max=20, help="For a folder of slides: um per pixel of those that do not say theirs.")
    ] = None,
    pattern: Annotated[str | None, typer.Option(help='For a folder of slides: which files are slides, such as "*.svs".')] = None,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Open every slide, judge its quality, join every table and name every problem, before hours are spent.

    Writes check.html, check.csv and tables/findings.csv: of a study into its folder, of a folder of slides into <folder>-check
    in the current folder, or where --out says. After a kill, or with more slides, the same command goes on.
    """
    from cartopath.cli.check import check_study

    code = check_study(study, out=out, assume_mpp=assume_mpp, pattern=pattern, workers=workers, quiet=quiet)
    raise typer.Exit(code)


@app.command(epilog="Exit codes: 0 everything needed works (warnings are listed); 1 something must be mended.")
def doctor(
    folder: Annotated[Path, typer.Argument(metavar="STUDY", help="Where a study lies or will lie.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of checks for programs.")] = False,
) -> None:
    """Say what works on this machine, and what to do about the rest."""
    from cartopath.cli.doctor.command import doctor_command

    raise typer.Exit(doctor_command(folder, as_json=as_json))


@app.command(epilog=EXIT_CODES)
def run(
    study: StudyPath,
    until: Annotated[str | None, typer.Option(metavar="STAGE", help="Stop after this stage; see `cartopath stages`.")] = None,
    trait: Annotated[list[str] | None, typer.Option(help="Train and predict only this trait (repeatable).")] = None,
    round_: Annotated[list[int] | None, typer.Option("--round", help="Train only this round (repeatable).")] = None,
    workers: Workers = None,
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Use the workers of this Dask scheduler.")] = None,
    redraw_splits: Annotated[
        bool, typer.Option("--redraw-splits", help="Draw new splits for a cohort that has changed.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Run a study: only what is missing or changed. After a kill, the same command goes on."""
    from cartopath.cli.run import run_command

    code = run_command(
        study,
        until=until,
        traits=trait or [],
        rounds=round_ or [],
        workers=workers,
        scheduler=scheduler,
        redraw_splits=redraw_splits,
        quiet=quiet,
    )
    raise typer.Exit(code)


@app.command()
def stages(study: StudyPath) -> None:
    """List the stages of a study, in order."""
    from cartopath.cli.run import list_stages

    raise typer.Exit(list_stages(study))


@app.command(epilog=EXIT_CODES)
def predict(
    model: Annotated[Path, typer.Argument(help="models/<method> of a study, or one trait's folder in it.", show_default=False)],
    slides: Annotated[list[Path], typer.Argument(help="Slides, or folders of slides.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for scores, maps and predictions.csv.", show_default=False)],
    mpp: Annotated[float | None, typer.Option(help="State the um per pixel of all slides, whatever they say.")] = None,
    assume_mpp: Annotated[float | None, typer.Option(help="The um per pixel of slides that do not say theirs.")] = None,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Map new slides with trained networks, and warn where they differ from the slides that trained them."""
    from cartopath.cli.predict import predict_command

    raise typer.Exit(predict_command(model, slides, out=out, mpp=mpp, assume_mpp=assume_mpp, workers=workers, quiet=quiet))


@app.command(epilog=EXIT_CODES)
def external(
    study: StudyPath,
    cohort: Annotated[
        Path, typer.Argument(metavar="COHORT", help="Study file of the other cohort: its slides and tables.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for scores, tables and index.html.", show_default=False)],
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Judge the frozen models of a study on another cohort; nothing is fitted, and patients who trained one are left out."""
    from cartopath.cli.external import external_command

    raise typer.Exit(external_command(study, cohort, out=out, workers=workers, quiet=quiet))


@app.command(epilog="Exit codes: 0 compared; 1 not comparable: the message names the first difference.")
def compare(
    studies: Annotated[
        list[Path], typer.Argument(metavar="STUDY STUDY...", help="Studies that have run; the first is the reference.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for index.html and its tables.")] = Path("comparison"),
) -> None:
    """Compare methods on the same patients, splits and classes: AUROC, maps, heterogeneity and time, each beside the first."""
    from cartopath.cli.compare import compare_command

    raise typer.Exit(compare_command(studies, out=out))


@app.command(epilog="Exit codes: 0 measured; 1 the slide cannot be read; 2 wrong usage.")
def benchmark(
    slide: Annotated[Path, typer.Argument(metavar="SLIDE", help="One of your slides.", show_default=False)],
    threads: Annotated[int | None, typer.Option(min=1, help="Threads that decode; default one per core.")] = None,
    tile_px: Annotated[int, typer.Option(min=8, max=8192, help="Side of a tile in pixels.")] = 512,
    mpp: Annotated[float, typer.Option(min=0.05, max=100, help="Um per pixel of the tiles.")] = 0.5,
    seconds: Annotated[float, typer.Option(min=1, help="Roughly how long reading is measured; slow slides take longer.")] = 60,
    networks: Annotated[
        bool, typer.Option("--networks", help="Also feed ResNet34 and Inception v3: some minutes more without a GPU.")
    ] = False,
    assume_mpp: Annotated[
        float | None, typer.Option(min=0.05, max=20, help="The um per pixel of a slide that does not say.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write what was measured as JSON.")] = None,
) -> None:
    """Measure how fast a slide is read here, against the bare decoder and other libraries, and say what to do about it."""
    from cartopath.cli.benchmark import benchmark_command

    code = benchmark_command(
        slide,
        threads=threads,
        tile_px=tile_px,
        mpp=mpp,
        seconds=seconds,
        networks=networks,
        assume_mpp=assume_mpp,
        out=out,
    )
    raise typer.Exit(code)


@app.command(epilog="Exit codes: 0 judged; 1 something cannot be read or does not belong together; 2 wrong usage.")
def validate(
    sections: Annotated[
        list[Path],
        typer.Argument(
            metavar="SECTION...", help="Visium folders, or folders with counts/, spots/ and images/.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for maps, tables and maps.png.")] = Path("validation"),
    only: Annotated[list[str] | None, typer.Option(help="Take only this section (repeatable).")] = None,
    map_: Annotated[
        Path | None,
        typer.Option(
            "--map", help="Judge this map instead of making one: a folder of <section>.csv, or scores/<method> of a study."
        ),
    ] = None,
    pitch_um: Annotated[
        float | None, typer.Option("--pitch", min=1, help="Um from spot to spot; default 200, Visium 100.")
    ] = None,
    genes: Annotated[int, typer.Option(min=1, help="How many of the most counted genes.")] = 500,
    region_size: Annotated[int, typer.Option("--region", min=2, help="Side of a region in spots.")] = 5,
    min_spots: Annotated[int, typer.Option(min=2, help="Spots that a region must have.")] = 4,
    yield_from: Annotated[
        Literal["regions", "nuclei"],
        typer.Option("--yield", help="How much RNA spots hold: learned from regions' totals, or by the nuclei seen."),
    ] = "regions",
    seed: Annotated[int, typer.Option(help="Seed of the nulls.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Judge maps by tissue whose truth was measured: learn from bulk profiles of regions, compare with single spots."""
    from cartopath.cli.validate import ValidateOptions, validate_command

    options = ValidateOptions(
        sections=sections,
        out=out,
        only=only or [],
        map_=map_,
        pitch_um=pitch_um,
        genes=genes,
        region_size=region_size,
        min_spots=min_spots,
        yield_from=yield_from,
        seed=seed,
        quiet=quiet,
    )
    raise typer.Exit(validate_command(options))


@app.command()
def report(study: StudyPath) -> None:
    """Write the report of a study anew from its tables and maps."""
    from cartopath.cli.run import report_command

    raise typer.Exit(report_command(study))
