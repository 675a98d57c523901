"""Trained networks on new slides: tiles, vote and maps as in training.

And a word wherever a slide is unlike those that trained the networks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.cohort import parse_barcode, read_slides
from cartopath.cohort.slide_lists.slide_files import slide_stem
from cartopath.core.errors import BundleError, SlideError
from cartopath.core.locations import as_path, is_remote, resolved
from cartopath.methods.attention.apply import score_by_attention
from cartopath.methods.cutting import CutSlide, cut_slide
from cartopath.methods.encoding.beside import SlideFeatures
from cartopath.methods.fingerprints.apply import score_by_heads
from cartopath.methods.scoring import device_name, write_scores
from cartopath.methods.tile_classifier.prediction import score_tiles
from cartopath.methods.trained import TrainedTrait, read_trained
from cartopath.slides import StainStatistics, compare_stain
from cartopath.slides.quality import quality_flags
from cartopath.stats import heterogeneity
from cartopath.store.artifacts import Header, read_json, write_csv, write_json
from cartopath.study.config import ComputeConfig
from cartopath.study.executors import make_executor
from cartopath.study.inputs import slide_identity
from cartopath.study.layout import Layout
from cartopath.study.run import RunSummary, Silent, Stage, Watcher, completed_figures, run_tasks
from cartopath.study.stages.mapping import draw_maps, map_paths
from cartopath.study.stages.scores import SlideGeometry, as_votes, ensemble_score, joined_scores
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training import SlideTiles

VERSION = 3


@dataclass(frozen=True)
class Applied:
    """What came of applying networks to slides.

    Attributes:
        predictions: One row per slide: slide_id, n_tiles, the score of each trait, hti, warnings.
        summary: What was done, kept and failed.
    """

    predictions: pd.DataFrame
    summary: RunSummary


def apply_models(
    model: Path,
    slides: Sequence[Path],
    *,
    out: Path,
    mpp: float | None = None,
    assume_mpp: float | None = None,
    compute: ComputeConfig | None = None,
    watcher: Watcher | None = None,
) -> Applied:
    """Score and map slides with trained networks; what is done already is kept.

    Args:
        model: `models/<method>` of a study, or one trait's folder in it.
        slides: Slide files or folders of them, or their URLs.
        out: Where scores, maps and predictions.csv go.
        mpp: States the um per pixel of all slides.
        assume_mpp: Um per pixel of slides that do not say theirs.
        compute: Workers and devices.
        watcher: Sees it go.

    Raises:
        BundleError: The networks cannot be used.
        SlideError: There is no slide, or two have the same name.
    """
    compute, watcher = compute or ComputeConfig(), watcher or Silent()
    traits = read_trained(model)
    layout = Layout(out.resolve())
    _claim(layout, traits)
    tasks = [
        _plan_slide(layout, traits, slide_id, path, mpp=mpp, assume_mpp=assume_mpp, compute=compute)
        for slide_id, path in _named(slides).items()
    ]
    stage = Stage("apply", lambda _: tasks, "score and map slides")
    with make_executor(compute, watcher.news) as executor:
        summary = run_tasks(stage, tasks, layout, executor, watcher)
    failed = {outcome.task.name for outcome in summary.failed}
    rows = [completed_figures(layout, "apply", task.name) for task in tasks if task.name not in failed]
    columns = ["slide_id", "n_tiles", *(trait.trait for trait in traits), *(["hti"] if len(traits) > 1 else []), "warnings"]
    predictions = pd.DataFrame(rows, columns=columns)
    everything = pd.DataFrame(_all_rows(layout), columns=columns).sort_values("slide_id")
    write_csv(everything, layout.root / "predictions.csv")
    return Applied(predictions, summary)


def _claim(layout: Layout, traits: list[TrainedTrait]) -> None:
    """Note which networks a folder of predictions is of.

    Raises:
        BundleError: It is of other networks, whose maps would be overwritten.
    """
    file = layout.root / "networks.json"
    ours = {trait.trait: trait.key for trait in traits}
    if file.is_file() and (theirs := read_json(file, "networks")["traits"]) != ours:
        raise BundleError(
            f"{layout.root}: holds predictions of other networks ({', '.join(theirs)}); choose another folder with --out"
        )
    write_json({"traits": ours}, file, Header(kind="networks"))


def _all_rows(layout: Layout) -> list[dict[str, Any]]:
    """Return the rows of all slides in a folder of predictions, those of earlier calls too."""
    receipts = sorted((layout.root / "receipts" / "apply").glob("*.json"))
    return [json.loads(receipt.read_text(encoding="utf-8"))["figures"] for receipt in receipts]


def _slides_in(folder: Path) -> list[Path]:
    """Return the slides of a folder, without masks and the like that lie beside them."""
    listed = read_slides(folder)
    return [as_path(path) for path in listed.loc[(listed["exclude"] == "") & (listed["path"] != ""), "path"]]


def _is_folder(path: Path) -> bool:
    """Whether a folder is meant; of URLs those that do not end like a slide: not every server can be asked."""
    return slide_stem(path.name) == path.name if is_remote(path) else path.is_dir()


def _named(slides: Sequence[Path]) -> dict[str, Path]:
    paths = [path for given in map(as_path, slides) for path in (_slides_in(given) if _is_folder(given) else [given])]
    if not paths:
        raise SlideError(f"no slide in {', '.join(map(str, slides))}")
    named: dict[str, Path] = {}
    for path in paths:
        barcode = parse_barcode(path.name)
        name = barcode.slide_id if barcode is not None else path.stem
        if name in named and resolved(named[name]) != resolved(path):
            raise SlideError(f"two slides are called {name}: {named[name]} and {path}; apply them into different folders")
        named[name] = path
    return named


def _plan_slide(
    layout: Layout,
    traits: list[TrainedTrait],
    slide_id: str,
    path: Path,
    *,
    mpp: float | None,
    assume_mpp: float | None,
    compute: ComputeConfig,
) -> Task:
    key = task_key("apply", VERSION, slide=slide_identity(path), mpp=[mpp, assume_mpp], models=[trait.key for trait in traits])
    names = [trait.trait for trait in traits]
    outputs = [layout.tiles(slide_id), *(layout.scores("applied", name, slide_id) for name in names)]
    outputs += map_paths(layout.root / "maps", slide_id, names, names).values()
    arguments = {
        "path": resolved(path),
        "slide_id": slide_id,
        "traits": traits,
        "mpp": mpp,
        "assume_mpp": assume_mpp,
        "batch_size": compute.batch_size,
        "accelerator": compute.accelerator,
        "layout": layout,
        "key": key,
    }
    return Task("apply", slide_id, key, apply_to_slide, arguments, tuple(outputs), uses_gpu=True)


def apply_to_slide(
    *,
    path: Path,
    slide_id: str,
    traits: list[TrainedTrait],
    mpp: float | None,
    assume_mpp: float | None,
    batch_size: int | None,
    accelerator: str,
    layout: Layout,
    key: str,
    devices: list[int] | None,
) -> Result:
    """Cut, score and draw one slide; return its row of predictions.csv.

    Raises:
        SlideError: It cannot be read, is coarser than the tiles, or has no tile with enough tissue.
    """
    cut = cut_slide(path, slide_id, traits[0].tiles, mpp=mpp, assume_mpp=assume_mpp, out=layout.tiles(slide_id), key=key)
    meta = cut.meta
    geometry = SlideGeometry(int(meta["n_rows"]), int(meta["n_cols"]), int(meta["window_px0"]), float(meta["mpp"]))
    scores = score_traits(cut.table, cut.source, traits, batch_size=batch_size, device=device_name(accelerator, devices))
    for name, scored in scores.items():
        write_scores(scored, meta, layout.scores("applied", name, slide_id), key=key)
    names = list(scores)
    draw_maps(scores, geometry, slide_id, cut.thumbnail, heterogeneity=names, base="all", folder=layout.root / "maps")
    row: dict[str, Any] = {"slide_id": slide_id, "n_tiles": len(cut.table)}
    row |= {trait.trait: ensemble_score(trait.method, scores[trait.trait]) for trait in traits}
    if len(names) > 1:
        row["hti"] = heterogeneity(as_votes(joined_scores(scores, "vote"), names)).hti
    return row | {"warnings": warnings_of(slide_id, cut, traits)}


def warnings_of(slide_id: str, cut: CutSlide, traits: list[TrainedTrait]) -> str:
    """Return how a slide is unlike those that trained, and what is wrong with it, as one line; "" where there is nothing."""
    stain = None if cut.meta["stain"] is None else StainStatistics(**cut.meta["stain"])
    flaws = quality_flags(pd.DataFrame([{"slide_id": slide_id, **cut.measures}]))["message"].tolist()
    return "; ".join([*differences(slide_id, float(cut.meta["mpp"]), stain, traits), *flaws])


def score_traits(
    table: pd.DataFrame,
    source: SlideTiles,
    traits: list[TrainedTrait],
    *,
    only_voting: bool = True,
    batch_size: int | None,
    device: str,
) -> dict[str, pd.DataFrame]:
    """Return the tile scores of each trait by every round, or by those that vote, with the mean score and vote of these.

    Args:
        table: Tiles of a slide: col, row, x_px0, y_px0.
        source: The same tiles, readable.
        traits: From `read_trained`.
        only_voting: Leave out the rounds that do not vote.
        batch_size: Tiles per step; None for as many as memory likes.
        device: `auto`, `cpu` or `cuda:i`.
    """
    features = SlideFeatures(source, batch_size=batch_size, device=device)
    scored: dict[Path, pd.DataFrame] = {}
    for score, folders in (
        (score_by_heads, [trait.folder for trait in traits if trait.by_heads]),
        (score_by_attention, [trait.folder for trait in traits if trait.by_attention]),
    ):
        scored |= zip(folders, score(table, features, folders, only_voting=only_voting), strict=True)
    return {
        trait.trait: scored[trait.folder]
        if trait.folder in scored
        else score_tiles(
            table,
            source,
            trait.folder,
            cache_key=trait.key,
            only_voting=only_voting,
            batch_size=batch_size,
            device=device,
            threads=1,
        )
        for trait in traits
    }


def differences(slide_id: str, mpp: float, stain: StainStatistics | None, traits: list[TrainedTrait]) -> list[str]:
    """Return in words how a slide differs from those that trained the networks: resolution, stain, or being one of them."""
    found = []
    low, high = traits[0].mpp[0], traits[0].mpp[-1]
    if not 0.8 * low <= mpp <= 1.25 * high:
        found.append(f"scanned at {mpp:.4g} um/px, the training slides at {low:.4g} to {high:.4g}")
    if stain is not None:
        found += compare_stain(stain, list(traits[0].stain))
    barcode = parse_barcode(slide_id)
    patient = barcode.patient_id if barcode is not None else slide_id
    known = [trait.trait for trait in traits if patient in trait.patients]
    if known:
        found.append(
            f"patient {patient} trained or validated the networks of {', '.join(known)}: this is no independent prediction"
        )
    return found
