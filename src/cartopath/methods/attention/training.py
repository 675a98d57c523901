"""The heads of each trait and round, as later stages look for them: what the training of all of them left, one by one."""

from __future__ import annotations

from pathlib import Path

from cartopath.core.errors import TrainingError
from cartopath.methods.attention.fitting import STAGE, fit_name
from cartopath.methods.attention.settings import METHOD
from cartopath.methods.attention.writing import bundle_files
from cartopath.study.run import Study, completed_key
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training.mil import read_mil_card

VERSION = 1


def plan_training(study: Study) -> list[Task]:
    """Return one task per trait and round."""
    tasks = []
    for trait in study.config.trait_names:
        for round_ in range(study.config.splits.rounds):
            name = f"{trait} round {round_}"
            fit = completed_key(study.layout, STAGE, fit_name(study, trait, round_))
            if fit is None:
                study.layout.receipt("train", name).unlink(missing_ok=True)  # A head of an earlier run no longer counts.
                continue
            folder = study.layout.model(METHOD, trait, round_)
            key = task_key("accept head", VERSION, fit=fit, trait=trait, round=round_)
            arguments = {"folder": folder}
            outputs = bundle_files(folder)
            tasks.append(Task("train", name, key, accept_head, arguments, outputs, is_local=True, trait=trait, round_=round_))
    return tasks


def accept_head(*, folder: Path) -> Result:
    """Return how the training of a head went.

    Raises:
        TrainingError: It could not be trained.
    """
    card = read_mil_card(folder).card
    if card["validation"]["chunk"] < 0:
        reason = card["reason"] or card["ending"]
        raise TrainingError(
            f"{card['trait']}, round {card['round']}: {reason}; look at the values in the table, or raise splits.validation"
        )
    figures = {"best": card["validation"], "chunks": card["epochs"], "ending": card["ending"]}
    return {**figures, "n_slides": card["n_slides"], "n_tiles": card["n_tiles"]}
