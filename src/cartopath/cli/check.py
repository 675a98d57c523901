"""`cartopath check`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cartopath.cli.console import FAILED, OK, SOME_FAILED, console, guarded, print_line
from cartopath.cli.progress import shown_progress
from cartopath.cli.run import with_compute
from cartopath.cohort import verdict
from cartopath.cohort.findings import counted
from cartopath.core.errors import ConfigError
from cartopath.core.locations import as_path, is_remote, is_url
from cartopath.methods import method_findings
from cartopath.report.check_page import write_check_page
from cartopath.study.check import Checked, check_cohort
from cartopath.study.config import SlidesConfig, StudyConfig
from cartopath.study.layout import Layout
from cartopath.study.run import Study
from cartopath.study.study_file import STUDY_FILE

_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


def check_study(
    path: Path, *, out: Path | None, assume_mpp: float | None, pattern: str | None, workers: int | None, quiet: bool
) -> int:
    """Check a study, or a folder of slides without one; print every finding, and return the exit code."""

    def action() -> int:
        _require_there(path)
        is_elsewhere = is_url(path.as_posix())
        if path.is_file() and path.suffix not in (".yaml", ".yml"):
            raise ConfigError(f"{path}: a file; give the folder it lies in, with --pattern {path.name!r} for this slide alone")
        is_study = not is_elsewhere and (not path.is_dir() or (path / STUDY_FILE).exists())
        if is_study and (out is not None or assume_mpp is not None or pattern is not None):
            raise ConfigError("--out, --assume-mpp and --pattern are for a folder of slides; a study says this in its study.yaml")
        study = Study.read(path) if is_study else slide_folder_study(path, out, assume_mpp=assume_mpp, pattern=pattern)
        if not is_study:
            _print_where(study)
        study = with_compute(study, workers=workers)
        also = method_findings(study.config, study.root) if study.config.traits else ()
        with shown_progress(quiet=quiet) as progress:
            checked = check_cohort(study, also=also, watcher=progress)
        page = write_check_page(checked, study.layout, title=study.config.name)
        _print(checked)
        said = verdict([finding for finding in checked.findings if finding.code != "slide-unusable"])
        said += f"; {counted(checked.n_unusable, 'slide')} cannot be used" if checked.n_unusable else ""
        console.print(f"{said}   ({page}, {study.layout.check_table.name})")
        return FAILED if not checked.is_ready else SOME_FAILED if checked.n_unusable else OK

    return guarded(action)


def _require_there(path: Path) -> None:
    """Refuse a path of this machine at which there is nothing, before anything is made of the options.

    Raises:
        ConfigError: There is neither a folder nor a file.
    """
    found = as_path(path)
    if not is_remote(found) and not found.exists():
        raise ConfigError(
            f"{path}: there is no such folder and no such study file; make one with `cartopath init`, or name a folder of slides"
        )


def slide_folder_study(folder: Path, out: Path | None, *, assume_mpp: float | None, pattern: str | None) -> Study:
    """Return a study of nothing but a folder of slides, which can be checked and not run.

    Args:
        folder: The slides, or their URL.
        out: Where the check writes; by default `<folder>-check` in the working directory, or beside the slides.
        assume_mpp: Um per pixel of slides that do not say theirs.
        pattern: Which files are slides.

    Raises:
        ConfigError: The output would lie among the slides, or where nobody said to write it lies the check of another folder.
    """
    found = as_path(folder)
    slides = Path(str(found)) if is_remote(found) else found.resolve()  # `Study.path` knows a URL that is written as a path.
    name = slides.name if found.name in ("", "..") else found.name  # The word that was typed, also where it is a link.
    default = Path.cwd() / f"{name}-check"
    root = (out or (slides.with_name(default.name) if default.is_relative_to(slides) else default)).resolve()
    if root == slides or root.is_relative_to(slides):
        raise ConfigError(f"{root}: lies among the slides; choose another folder with --out")
    other = None if out else _checked_elsewhere(Layout(root).check_table, slides)
    if other is not None:
        where = as_path(other).parent
        raise ConfigError(f"{root}: holds the check of {where}; name another folder with --out, or this one to go on in it")
    config = StudyConfig(name=name or "slides", slides=SlidesConfig(dir=slides, assume_mpp=assume_mpp, pattern=pattern))
    return Study(config, root)


def _checked_elsewhere(table: Path, slides: Path) -> Path | None:
    """Return a slide of an earlier check that is not in the folder: another folder of the same name was checked there."""
    try:
        paths = pd.read_csv(table, usecols=["path"], dtype=str, keep_default_na=False)["path"]
    except (OSError, ValueError):
        return None
    return next((Path(path) for path in paths if path and not Path(path).is_relative_to(slides)), None)


def _print_where(study: Study) -> None:
    """Say before slides are opened that this is the check of a folder, and where it goes."""
    slides = study.path(study.config.slides.dir)
    console.print(f"{slides}: a folder of slides, without a study; the check is written to {study.root}", markup=False)
    if not is_remote(slides) and (slides.parent / STUDY_FILE).is_file():
        print_line("note", "yellow", f"{slides.parent} is a study; `cartopath check` of it joins the tables, too")


def _print(checked: Checked) -> None:
    for found in checked.findings:
        print_line(found.severity, _STYLES[found.severity], f"{found.subject}: {found.message}  [{found.code}]")
    opened = checked.opened
    if len(opened):
        sources = opened.groupby("mpp_source").size()
        resolutions = ", ".join(f"{n} from {source}" for source, n in sources.items())
        tissue_mm2, n_flawed = opened["tissue_mm2"].sum(), int((opened["verdict"] == "look").sum())
        what = f"{counted(len(opened), 'slide')} opened; resolution: {resolutions}"
        console.print(f"\n{what}; {tissue_mm2:,.1f} mm2 of tissue; {n_flawed} to look at")
