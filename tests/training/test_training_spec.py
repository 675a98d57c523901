import pytest

from cartopath.core.errors import ConfigError
from cartopath.training import TrainingSpec


def test_defaults_are_the_recipe_of_the_paper():
    spec = TrainingSpec()
    assert (spec.lr, spec.validations_per_epoch, spec.max_chunks) == (1e-3, 16, 1000)
    assert (spec.plateau_patience, spec.plateau_factor, spec.stop_patience) == (10, 0.1, 30)
    assert (spec.checkpoint_metric, spec.balance, spec.flips) == ("slide_auroc", "none", True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 0.0}, "'lr' parameter of a training must be positive. Got 0.0"),
        ({"lr": float("nan")}, "'lr' parameter"),
        ({"batch_size": 1}, r"'batch_size' parameter of a training must be at least 2, .* Got 1"),
        ({"max_chunks": 0}, "'max_chunks' parameter of a training must be at least 1. Got 0"),
        ({"tiles_per_slide": 0}, "'tiles_per_slide'"),
        ({"plateau_factor": 1.0}, "'plateau_factor'"),
        ({"plateau_min_delta": -1.0}, "'plateau_min_delta'"),
        ({"shuffle_tiles": 0}, "'shuffle_tiles'"),
        ({"read_threads": 0}, "'read_threads'"),
        ({"checkpoint_metric": "accuracy"}, "one of 'slide_auroc', 'tile_auroc', 'loss'. Got 'accuracy'"),
        ({"balance": "yes"}, "'balance'"),
        ({"precision": "64"}, "'precision'"),
    ],
)
def test_an_impossible_value_is_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        TrainingSpec(**change)


def test_the_recipe_covers_everything_but_where_it_runs():
    where = {"precision", "accelerator", "devices", "strategy", "threads", "read_threads", "open_slides"}
    assert set(TrainingSpec.__dataclass_fields__) - set(TrainingSpec().recipe()) == where
