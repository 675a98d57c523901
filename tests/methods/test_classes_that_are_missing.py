"""A trait that cannot be learned ends a run before anything long begins, as `check` says it would."""

import pytest

from cartopath.core.errors import TrainingError
from cartopath.methods import recipe_stages
from cartopath.study.check import check_cohort
from cartopath.study.run import run_study


@pytest.fixture(params=["tile_classifier", "fingerprints"])
def unlearnable(request, copied_study, write_study, write_fingerprints):
    """A study whose percentiles leave some set without a class."""
    write = {"tile_classifier": write_study, "fingerprints": write_fingerprints}[request.param]
    return write(copied_study, labels={"low": 6, "high": 94})


def test_the_run_ends_before_anything_is_trained(unlearnable):
    started = []

    class Watching:
        def stage_started(self, stage, n_tasks, n_kept):
            started.append(stage.name)

        def task_ended(self, outcome):
            pass

        stage_ended = news = task_ended

    with pytest.raises(TrainingError, match=r"MKI67: no patient labelled (hi|lo) in (train|validation), rounds? [01]"):
        run_study(unlearnable, recipe_stages(unlearnable.config), watcher=Watching())
    assert started[-1] == "tiles"


def test_check_says_the_same(unlearnable):
    with pytest.raises(TrainingError) as refusal:
        run_study(unlearnable, recipe_stages(unlearnable.config))
    first = str(refusal.value).split(";")[0]
    findings = check_cohort(unlearnable).findings
    assert first in {f"{found.subject}: {found.message}".split(";")[0] for found in findings if found.severity == "error"}


def test_a_study_that_can_be_learned_goes_on(copied_study, write_study):
    study = write_study(copied_study)
    assert not run_study(study, recipe_stages(study.config), until="learnable").failed
