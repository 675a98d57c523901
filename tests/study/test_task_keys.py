"""Every key of the study file that can change a result changes the key of a task: nothing stale is ever kept.

The report, which shows the whole study file and therefore follows every change of it, does not count here.
"""

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from cartopath.methods import recipe_stages
from cartopath.study.config import METHODS, AttentionConfig, EncodedConfig, FingerprintsConfig, Section, StudyConfig, TraitConfig
from cartopath.study.run import Study
from cartopath.study.study_file import parse_config

CHANGES_NO_RESULT = {
    "name": "stands in the report and in the cards of networks, as a word",
    "compute.workers": "where",
    "compute.scheduler": "where",
    "compute.accelerator": "where",
    "compute.devices": "where",
    "compute.cache_gb": "how fast",
    "compute.batch_size": "how fast; scores differ in their last digits at most",
    "method.name": "each recipe has its own tasks: see below",
}

ER = {"name": "ER", "column": "ER_STATUS_BY_IHC"}
THREE = ["MKI67", "hsa-miR-17-5p", ER]

# Key: new value, the first stage that has other tasks for it, and what else must be so for the key to matter.
CHANGES = {
    "seed": (1, "splits", {}),
    "cohort": ("TCGA-BRCA", "evaluate", {}),
    "slides.dir": ("fewer_slides", "cohort", {"slides": {"table": None}}),
    "slides.table": ("fewer_slides.csv", "cohort", {}),
    "slides.pattern": ("TCGA-A2-*", "cohort", {"slides": {"table": None}}),
    "slides.exclude": ({"TCGA-A2-ZB2J-01Z-00-DX1": "blurred"}, "cohort", {}),
    "slides.assume_mpp": (0.4, "quality", {}),
    "slides.kind": ("TS", "cohort", {}),
    "molecular.table": ("other_expression.tsv", "cohort", {}),
    "molecular.format": ("ebpp_mrna", "cohort", {}),
    "molecular.sample_sheet": ("other_clinical.txt", "cohort", {}),
    "molecular.column": ("tpm_unstranded", "cohort", {}),
    "molecular.genes": ("other_clinical.txt", "cohort", {}),
    "molecular.trust_join": (True, "cohort", {}),
    "clinical.table": ("other_clinical.txt", "cohort", {}),
    "clinical.format": ("plain", "cohort", {}),
    "clinical.sheet": ("TCGA-CDR", "cohort", {}),
    "traits.name": ([{"name": "KI67", "feature": "MKI67"}], "cohort", {"traits": [{"name": "MKI67", "feature": "MKI67"}]}),
    "traits.feature": ([{"name": "MKI67", "feature": "EGFR"}], "cohort", {"traits": [{"name": "MKI67", "feature": "MKI67"}]}),
    "traits.column": ([{"name": "ER", "column": "PR_STATUS_BY_IHC"}], "cohort", {"traits": [ER]}),
    "traits.positive": ([{**ER, "positive": ["Negative"]}], "cohort", {"traits": [ER]}),
    "labels.low": (30, "labels", {}),
    "labels.high": (70, "labels", {}),
    "labels.scope": ("cohort", "labels", {}),
    "tiles.size_px": (80, "quality", {}),
    "tiles.mpp": (0.9, "quality", {}),
    "tiles.max_background": (0.6, "tiles", {}),
    "tiles.min_tissue": (0.2, "quality", {}),
    "tiles.edge": ("pad", "quality", {}),
    "tiles.scaling": ("lanczos", "quality", {}),
    "tiles.drop_flagged": (["pen"], "tiles", {}),
    "splits.scheme": ("folds", "splits", {"splits": {"rounds": 3}}),
    "splits.test": (0.3, "splits", {}),
    "splits.validation": (0.2, "splits", {}),
    "splits.rounds": (3, "splits", {}),
    "splits.mode": ("pathomch-code", "splits", {}),
    "method.backbone": ("test_vit", "train", {}),
    "method.pool": ("max", "train", {}),
    "method.pretrained": (True, "train", {}),
    "method.ensemble": (2, "ensemble", {}),
    "method.threshold": (0.4, "ensemble", {}),
    "training.learning_rate": (0.002, "train", {}),
    "training.batch_size": (16, "train", {}),
    "training.validations_per_epoch": (4, "train", {}),
    "training.max_chunks": (4, "train", {}),
    "training.plateau_patience": (5, "train", {}),
    "training.plateau_factor": (0.5, "train", {}),
    "training.stop_patience": (5, "train", {}),
    "training.checkpoint": ("loss", "train", {}),
    "training.flips": (False, "train", {}),
    "training.balance": ("class", "train", {}),
    "training.tiles_per_slide": (5, "train", {}),
    "training.validation_tiles_per_slide": (5, "train", {}),
    "training.shuffle_tiles": (64, "train", {}),
    "training.precision": ("32-true", "train", {}),
    "training.threads": (2, "train", {}),
    "maps.slides": ("all", "maps", {}),
    "maps.heterogeneity": (["MKI67"], "maps", {}),
    "maps.base": ("observed", "maps", {}),
    "maps.region_tiles": (3, "heterogeneity", {}),
    "survival.traits": (["MKI67"], "heterogeneity", {}),
    "survival.endpoint": ("PFS", "cohort", {}),
    "survival.time_column": ("OS_MONTHS", "cohort", {}),
    "survival.status_column": ("OS_STATUS", "cohort", {}),
    "survival.time_unit": ("days", "cohort", {}),
    "survival.cut": ([0.3, 0.7], "survival", {}),
    "survival.horizon_years": (5, "survival", {}),
    "survival.covariates": (["SEX"], "cohort", {}),
    "survival.strata": (["PAM50"], "cohort", {}),
    "survival.groups": (["SEX"], "cohort", {}),
    "survival.keep_no_positive": (False, "survival", {}),
    "survival.strict_dx1": (True, "bookkeeping", {}),
}


# The same of `method:` where its name is fingerprints.
FINGERPRINTS = {
    "encoder": ("random", "pretrain"),
    "backbone": ("test_vit", "pretrain"),
    "n_features": (16, "pretrain"),
    "colour": ("grey", "pretrain"),
    "tiles_per_patient": (5, "train"),
    "ensemble": (2, "ensemble"),
    "threshold": (0.4, "ensemble"),
    "tissue_model": ("a folder", "tissue_types"),
    "pretraining.region_um": (140, "pretrain"),
    "pretraining.regions_per_slide": (1, "pretrain"),
    "pretraining.region_tissue": (0.6, "pretrain"),
    "pretraining.min_tissue": (0.6, "pretrain"),
    "pretraining.style": ("none", "pretrain"),
    "pretraining.schedule": ("one_cycle", "pretrain"),
    "pretraining.stain_gain": (0.1, "pretrain"),
    "pretraining.stain_shift": (0.1, "pretrain"),
    "pretraining.gamma": (1, "pretrain"),
    "pretraining.rotation": ("none", "pretrain"),
    "pretraining.flips": (True, "pretrain"),
    "pretraining.brightness": (0.1, "pretrain"),
    "pretraining.contrast": (0.1, "pretrain"),
    "pretraining.saturation": (0.1, "pretrain"),
    "pretraining.hue": (0.1, "pretrain"),
    "pretraining.grey": (0.1, "pretrain"),
    "pretraining.tiles_per_region": (3, "pretrain"),
    "pretraining.validation_tiles_per_region": (3, "pretrain"),
    "pretraining.learning_rate": (0.1, "pretrain"),
    "pretraining.batch_size": (4, "pretrain"),
    "pretraining.max_chunks": (4, "pretrain"),
    "pretraining.plateau_patience": (4, "pretrain"),
    "pretraining.plateau_factor": (0.5, "pretrain"),
    "pretraining.stop_patience": (4, "pretrain"),
    "head.hidden": (4, "train"),
    "head.learning_rate": (0.1, "train"),
    "head.weight_decay": (0.1, "train"),
    "head.patients_per_step": (4, "train"),
    "head.tiles_per_patient": (4, "train"),
    "head.max_epochs": (4, "train"),
    "head.stop_patience": (4, "train"),
    "head.balance": ("none", "train"),
}


# The same of `method:` where its name is attention; the keys of encoders stand above.
ATTENTION = {
    "encoder": ("timm/test_resnet", "pretrain"),
    "weights": ("a file", "pretrain"),
    "tiles_per_patient": (5, "fit"),
    "head": ("mean", "fit"),
    "target": ("classification", "fit"),
    "transform": ("none", "fit"),
    "genes": ("many", "fit"),
    "hidden": (16, "fit"),
    "attention_units": (16, "fit"),
    "dropout": (0.5, "fit"),
    "ensemble": (1, "ensemble"),
    "threshold": (0.4, "ensemble"),
    "hotspots": (0.2, "hotspots"),
    "bins": (3, "hotspots"),
    "training.optimizer": ("sgd", "fit"),
    "training.learning_rate": (0.1, "fit"),
    "training.momentum": (0.5, "fit"),
    "training.weight_decay": (0.1, "fit"),
    "training.loss": ("huber", "fit"),
    "training.balance": ("none", "fit"),
    "training.patients_per_step": (4, "fit"),
    "training.tiles_per_patient": (4, "fit"),
    "training.validation_tiles": (4, "fit"),
    "training.components": (4, "fit"),
    "training.feature_noise": (0.1, "fit"),
    "training.max_epochs": (4, "fit"),
    "training.stop_patience": (4, "fit"),
}


def leaves(model=StudyConfig, path=()) -> Iterator[str]:
    """Yield the name of every key that holds a value; of `method`, those of the first recipe."""
    for name, field in model.model_fields.items():
        if model is StudyConfig and name == "method":
            yield from leaves(METHODS["tile_classifier"], (name,))
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from leaves(field.annotation, (*path, name))
        elif name == "traits" and not path:
            yield from leaves(TraitConfig, ("traits",))
        else:
            yield ".".join([*path, name])


def test_every_key_of_the_study_file_is_accounted_for():
    assert {*CHANGES, *CHANGES_NO_RESULT} == set(leaves())
    assert not set(CHANGES) & set(CHANGES_NO_RESULT)
    assert {"name", *FINGERPRINTS} == set(leaves(FingerprintsConfig))
    of_encoders = {name for name in leaves(EncodedConfig) if name in FINGERPRINTS}
    assert {"name", *ATTENTION, *of_encoders} == set(leaves(AttentionConfig))


@pytest.fixture(scope="module")
def prepared(quick_study, small_cohort, tmp_path_factory) -> Path:
    """A copy of the finished study, with other tables and slides beside it to change to."""
    root = tmp_path_factory.mktemp("keys") / "study"
    shutil.copytree(quick_study, root)
    expression = next(small_cohort.glob("EBPlusPlus*.tsv")).read_text()
    (root / "other_expression.tsv").write_text(expression.replace("\nEGFR|", "\nNOTEGFR|"))
    clinical = (small_cohort / "data_clinical_patient.txt").read_text()
    (root / "other_clinical.txt").write_text(clinical.replace("LumA", "LumB"))
    slides = sorted((small_cohort / "slides").iterdir())
    (root / "fewer_slides").mkdir()
    for path in slides[1:]:
        (root / "fewer_slides" / path.name).symlink_to(path)
    table = pd.read_csv(small_cohort / "slides.csv", dtype=str)
    table["path"] = [(small_cohort / path).as_posix() for path in table["path"]]
    table.assign(exclude=["blurred"] + [""] * (len(table) - 1)).to_csv(root / "fewer_slides.csv", index=False)
    return root


def merged(content: dict, changes: dict) -> dict:
    """Return a study file with changes, each of them a section's or a whole value."""
    content = copy.deepcopy(content)
    for name, value in changes.items():
        content[name] = {**content.get(name, {}), **value} if isinstance(value, dict) else value
    return content


def first_stage_that_differs(root: Path, one: dict, other: dict) -> str | None:
    """Plan stage by stage and return the first one that has other tasks, or other keys, for two study files."""
    studies = [Study(parse_config(content), root, redraw_splits=True) for content in (one, other)]
    for stage in recipe_stages(studies[0].config):
        planned = [{(task.name, task.key) for task in stage.plan(study)} for study in studies]
        if planned[0] != planned[1]:
            return stage.name
    return None


@pytest.mark.parametrize("name", CHANGES)
def test_changing_a_key_changes_the_tasks_of_the_first_stage_that_it_matters_to(prepared, small_config, name):
    value, stage, context = CHANGES[name]
    before = merged(small_config, context)
    section, _, key = name.partition(".")
    after = merged(before, {section: value} if section == "traits" or not key else {section: {key: value}})
    assert first_stage_that_differs(prepared, before, after) == stage


@pytest.fixture(scope="module")
def prepared_fingerprints(fingerprints_study, tmp_path_factory) -> Path:
    """A copy of the finished study by fingerprints."""
    return Path(shutil.copytree(fingerprints_study, tmp_path_factory.mktemp("keys of fingerprints") / "study"))


@pytest.fixture(scope="module")
def planned_before(prepared_fingerprints, fingerprints_config):
    return planned_method(prepared_fingerprints, fingerprints_config)


def planned_method(root: Path, content: dict) -> dict[str, set[tuple[str, str]]]:
    """Plan the stages of a method."""
    study = Study(parse_config(content), root)
    own = ("pretrain", "embed", "fit", "train", "ensemble", "hotspots")
    stages = [stage for stage in recipe_stages(study.config) if stage.name in own]
    return {stage.name: {(task.name, task.key) for task in stage.plan(study)} for stage in stages}


@pytest.mark.parametrize("name", sorted(set(FINGERPRINTS) - {"tissue_model"}))
def test_changing_a_key_of_fingerprints_changes_the_tasks_of_the_first_stage_that_it_matters_to(
    prepared_fingerprints, fingerprints_config, planned_before, name
):
    value, stage = FINGERPRINTS[name]
    content = copy.deepcopy(fingerprints_config)
    section, _, key = name.rpartition(".")
    (content["method"].setdefault(section, {}) if section else content["method"])[key] = value
    after = planned_method(prepared_fingerprints, content)
    assert next(other for other, tasks in after.items() if tasks != planned_before[other]) == stage


@pytest.fixture(scope="module")
def prepared_attention(attention_study, tmp_path_factory) -> Path:
    """A copy of the finished study by attention."""
    return Path(shutil.copytree(attention_study, tmp_path_factory.mktemp("keys of attention") / "study"))


@pytest.fixture(scope="module")
def attention_before(prepared_attention, attention_config):
    return planned_method(prepared_attention, attention_config)


@pytest.mark.parametrize("name", sorted(set(ATTENTION) - {"weights"}))
def test_changing_a_key_of_attention_changes_the_tasks_of_the_first_stage_that_it_matters_to(
    prepared_attention, attention_config, attention_before, name
):
    value, stage = ATTENTION[name]
    content = copy.deepcopy(attention_config)
    section, _, key = name.rpartition(".")
    (content["method"].setdefault(section, {}) if section else content["method"])[key] = value
    after = planned_method(prepared_attention, content)
    assert next(other for other, tasks in after.items() if tasks != attention_before[other]) == stage


def test_the_content_of_a_file_of_weights_changes_the_encoder(prepared_attention, attention_config, attention_before, tmp_path):
    path = tmp_path / "downloaded.bin"
    content = copy.deepcopy(attention_config)
    content["method"] |= {"encoder": "timm/test_resnet", "weights": str(path)}
    path.write_bytes(b"some weights")
    first = planned_method(prepared_attention, content)["pretrain"]
    assert first != attention_before["pretrain"]
    path.touch()
    assert planned_method(prepared_attention, content)["pretrain"] == first
    path.write_bytes(b"more weights")
    assert planned_method(prepared_attention, content)["pretrain"] != first


@pytest.fixture
def tissue_model_folder(tmp_path) -> Path:
    """A model of tissue types that learned nothing."""
    from cartopath.methods.tissue_types.model import write_tissue_model
    from cartopath.models import weights_of
    from cartopath.models.fingerprint import FingerprintSpec, build_fingerprint_network

    spec = FingerprintSpec(backbone="test_resnet", n_features=16, size_px=16, mpp=2.0)
    weights = weights_of(build_fingerprint_network(spec, n_pieces=3, seed=1))
    write_tissue_model(tmp_path, spec=spec, weights=weights, types=("background", "epithelium", "stroma"), card={})
    return tmp_path


def test_a_model_of_tissue_types_adds_tasks_and_changes_no_other(
    prepared_fingerprints, fingerprints_config, planned_before, tissue_model_folder
):
    content = copy.deepcopy(fingerprints_config)
    content["method"]["tissue_model"] = str(tissue_model_folder)
    assert planned_method(prepared_fingerprints, content) == planned_before
    study = Study(parse_config(content), prepared_fingerprints)
    stages = {stage.name: stage for stage in recipe_stages(study.config)}
    assert stages["tissue_types"].plan(study)
    assert not stages["tissue_types"].plan(Study(parse_config(fingerprints_config), prepared_fingerprints))


def test_no_recipe_keeps_the_networks_of_another(prepared, prepared_fingerprints, small_config, planned_before):
    tile_classifier = planned_method(prepared, small_config)
    assert {name for name, _ in tile_classifier["train"]} == {name for name, _ in planned_before["train"]}
    assert not tile_classifier["train"] & planned_before["train"]


OTHER_PLACES = {
    "compute.workers": 3,
    "compute.scheduler": "tcp://elsewhere:8786",
    "compute.accelerator": "auto",
    "compute.devices": 2,
    "compute.cache_gb": 1,
    "compute.batch_size": 9,
}


@pytest.mark.parametrize("name", OTHER_PLACES)
def test_where_and_how_fast_it_is_computed_changes_no_key(prepared, small_config, name):
    section, key = name.split(".")
    after = merged(small_config, {section: {key: OTHER_PLACES[name]}})
    assert first_stage_that_differs(prepared, small_config, after) is None


class TestInputs:
    """What is not in the study file but in the files it names."""

    @pytest.fixture
    def moved(self, prepared, small_config, small_cohort, tmp_path):
        """A study file whose tables are copies that a test may change."""
        paths = {}
        for path in [*small_cohort.glob("*.tsv"), *small_cohort.glob("*.csv"), *small_cohort.glob("*.txt")]:
            paths[path.as_posix()] = shutil.copy(path, tmp_path / path.name)
        (tmp_path / "slides").symlink_to(small_cohort / "slides")
        content = copy.deepcopy(small_config)
        content["slides"]["table"] = paths[content["slides"]["table"]].as_posix()
        content["molecular"]["table"] = [paths[path].as_posix() for path in content["molecular"]["table"]]
        content["clinical"]["table"] = paths[content["clinical"]["table"]].as_posix()
        return content

    def planned(self, root, content):
        stages = recipe_stages(parse_config(content))
        study = Study(parse_config(content), root, redraw_splits=True)
        return {stage.name: {(task.name, task.key) for task in stage.plan(study)} for stage in stages}

    def test_one_digit_in_the_middle_of_a_large_molecular_table_counts(self, prepared, moved):
        path = Path(moved["molecular"]["table"][0])
        head, *rows = path.read_text().splitlines()
        columns = head.count("\t")
        filler = [f"G{i}|{i}\t" + "\t".join(["1.25"] * columns) for i in range(30_000)]
        path.write_text("\n".join([head, *filler, *rows, *filler]) + "\n")
        before = self.planned(prepared, moved)
        text = path.read_text()
        middle = text.index("\nMKI67|4288\t") + len("\nMKI67|4288\t")
        path.write_text(text[:middle] + ("2" if text[middle] == "1" else "1") + text[middle + 1 :])
        assert (1 << 20) < middle < len(text) - (1 << 20)  # outside of what a quick look at a file would see
        assert self.planned(prepared, moved)["cohort"] != before["cohort"]

    def test_a_word_in_the_clinical_table_counts(self, prepared, moved):
        before = self.planned(prepared, moved)
        path = Path(moved["clinical"]["table"])
        path.write_text(path.read_text().replace("LumA", "LumB", 1))
        assert self.planned(prepared, moved)["cohort"] != before["cohort"]

    def test_copies_elsewhere_with_the_same_content_change_nothing(self, prepared, small_config, moved):
        moved["slides"] = small_config["slides"]
        assert first_stage_that_differs(prepared, small_config, moved) is None

    def test_the_order_of_traits_counts_for_tables_but_not_for_training(self, prepared, small_config):
        after = {**small_config, "traits": small_config["traits"][::-1]}
        one, other = self.planned(prepared, small_config), self.planned(prepared, after)
        assert {name for name in one if one[name] != other[name]} >= {"evaluate", "bookkeeping", "maps", "heterogeneity"}
        assert one["train"] == other["train"]
        assert one["predict"] == other["predict"]
