"""What a study file may say, and what it is told when it says something else."""

import re
from typing import Any

import pytest
import yaml

from cartopath.cli.initialise import template
from cartopath.core.errors import ConfigError
from cartopath.study.config import METHODS, AttentionConfig, FingerprintsConfig, Section, StudyConfig, TraitConfig
from cartopath.study.study_file import parse_config, read_config, study_file


def parsed(**content):
    return parse_config({"traits": ["MKI67"], **content})


def sections(model=StudyConfig, path=()):
    """Yield the path of every section of the study file with its model; `method` as the first recipe has it."""
    yield path, model
    for name, field in model.model_fields.items():
        if model is StudyConfig and name == "method":
            yield from sections(METHODS["tile_classifier"], (name,))
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from sections(field.annotation, (*path, name))


class TestTheTemplate:
    def test_shows_exactly_the_defaults(self):
        shown = parse_config(yaml.safe_load(template())).model_dump()
        defaults = StudyConfig(traits=("MKI67",)).model_dump()
        examples = {"name", "traits", "molecular", "clinical"}  # What no default can know.
        assert {k: v for k, v in shown.items() if k not in examples} == {k: v for k, v in defaults.items() if k not in examples}

    def test_names_every_key(self):
        text = template()
        starts = {name: re.search(rf"^{name}:", text, re.M) for name in StudyConfig.model_fields}
        missing = [name for name, start in starts.items() if start is None and not re.search(rf"^# {name}:", text, re.M)]
        for path, model in sections():
            if path:
                block = re.split(r"^\w", text[starts[path[0]].end() :], maxsplit=1, flags=re.M)[0]
                missing += [f"{path[0]}.{key}" for key in model.model_fields if not re.search(rf"^  (# )?{key}:", block, re.M)]
        assert missing == []

    def test_is_still_right_with_every_comment_turned_into_a_key(self):
        text = re.sub(r"^(\s*)# (- |\w+: )", r"\1\2", template().split("\n", 1)[1], flags=re.M)
        config = parse_config(yaml.safe_load(text))
        assert config.cohort == "TCGA-BRCA"
        assert config.trait_names == ["MKI67", "hsa-miR-17-5p", "HER2", "ER", "luminal A"]
        assert config.training.tiles_per_slide == 500

    def test_shows_the_defaults_of_fingerprints_in_a_comment(self):
        shown = commented_method("fingerprints")
        assert FingerprintsConfig.model_validate(shown) == FingerprintsConfig()
        defaults = FingerprintsConfig().model_dump()
        assert {key: list(value) if isinstance(value, dict) else [] for key, value in shown.items()} == {
            key: list(value) if isinstance(value, dict) else [] for key, value in defaults.items()
        }

    def test_shows_the_defaults_of_attention_in_a_comment(self):
        shown = commented_method("attention")
        assert AttentionConfig.model_validate(shown) == AttentionConfig()
        defaults = AttentionConfig().model_dump()
        assert set(shown) == set(defaults) - {"pretraining"}  # which stands with fingerprints
        assert set(shown["training"]) == set(defaults["training"])


def commented_method(name: str) -> dict[str, Any]:
    """Return the `method:` that the template shows in a comment."""
    blocks = re.findall(r"^# method:\n((?:#  .*\n)+)", template(), re.M)
    shown = [yaml.safe_load(re.sub(r"^#", "", block, flags=re.M)) for block in blocks]
    return next(method for method in shown if method["name"] == name)


SECTIONS = dict(sections())


@pytest.mark.parametrize("path", SECTIONS, ids=lambda path: ".".join(path) or "top")
def test_an_unknown_key_is_refused_with_the_closest_one_in_every_section(path):
    key = next(iter(SECTIONS[path].model_fields))
    content = {"traits": ["MKI67"]}
    inner = content
    for name in path:
        inner = inner.setdefault(name, {})
    inner[f"{key}s"] = 1
    name = ".".join([*path, f"{key}s"])
    with pytest.raises(ConfigError, match=rf"unknown key '{re.escape(name)}': did you mean '{key}'\?"):
        parse_config(content)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({"encoderr": "own"}, r"unknown key 'method\.encoderr': did you mean 'encoder'\?"),
        ({"pool": "max"}, r"unknown key 'method\.pool': known keys: name, encoder, backbone"),
        ({"pretraining": {"gama": 1}}, r"unknown key 'method\.pretraining\.gama': did you mean 'gamma'\?"),
        ({"head": {"hidden": 0}}, r"method\.head\.hidden: must be at least 1, found 0"),
        ({"encoder": "timm/"}, r"method\.encoder: expected own, none, random, timm/ and a name, or a folder"),
    ],
)
def test_what_is_wrong_with_fingerprints_is_told_in_their_own_words(method, message):
    with pytest.raises(ConfigError, match=message):
        parsed(method={"name": "fingerprints", **method})


def test_a_method_without_a_name_is_the_first_one():
    assert parsed(method={"backbone": "resnet18"}).method == METHODS["tile_classifier"](backbone="resnet18")


def test_an_unknown_key_of_a_trait_is_refused_with_the_closest_one():
    with pytest.raises(ConfigError, match=r"unknown key 'traits\.0\.colunm': did you mean 'column'\?"):
        parsed(traits=[{"name": "ER", "colunm": "ER Status"}])


def test_an_unknown_key_like_no_other_is_told_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown key 'labels\.zzzz': known keys: low, high, scope"):
        parsed(labels={"zzzz": 1})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"tiles": {"size_px": 8}}, r"tiles\.size_px: must be at least 16, found 8"),
        ({"tiles": {"mpp": 0}}, r"tiles\.mpp: must be above 0\.05, found 0"),
        ({"tiles": {"edge": "cut"}}, r"tiles\.edge: .*'skip' or 'pad', found 'cut'"),
        ({"labels": {"low": 60}}, r"labels\.low: must be below 50\.0, found 60"),
        ({"labels": {"low": "a fifth"}}, r"labels\.low: expected a number, found 'a fifth'"),
        ({"splits": {"rounds": 2.5}}, r"splits\.rounds: expected a whole number, found 2\.5"),
        ({"splits": {"test": 0.6, "validation": 0.5}}, r"splits: test and validation leave no patient for training"),
        ({"splits": {"scheme": "folds", "rounds": 2}}, r"splits: folds need rounds of at least 3"),
        ({"method": {"name": "attention_map"}}, r"method\.name: .*'tile_classifier', found 'attention_map'"),
        ({"training": {"checkpoint": "auc"}}, r"training\.checkpoint: .*'slide_auroc'.*, found 'auc'"),
        ({"survival": {"cut": [0.7, 0.3]}}, r"survival\.cut: one cut, or two in rising order.*, found"),
        ({"survival": {"cut": [0.5, 0.5]}}, r"survival\.cut: one cut, or two in rising order"),
        ({"survival": {"cut": [0.1, 0.2, 0.3]}}, r"survival\.cut: one cut, or two in rising order"),
        ({"survival": {"cut": 1.0}}, r"survival\.cut: .*each from 0 to below 1"),
        ({"survival": {"covariates": "AGE"}}, r"survival\.covariates: expected a list, such as \[a, b\], found 'AGE'"),
        ({"survival": {"endpoint": "DEATH"}}, r"survival\.endpoint: .*'OS'.*, found 'DEATH'"),
        ({"compute": {"workers": -1}}, r"compute\.workers: must be at least 0, found -1"),
        ({"seed": -1}, r"seed: must be at least 0, found -1"),
        ({"cohort": "TCGA-COAD"}, r"cohort: .*'TCGA-BRCA' or 'TCGA-LUAD', found 'TCGA-COAD'"),
        ({"name": ""}, r"name: must not be empty, found ''"),
        ({"traits": [17]}, r"traits\.0: .*found 17"),
        ({"tiles": 512}, r"tiles: .*found 512"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_its_limit_and_what_was_found(content, message):
    with pytest.raises(ConfigError, match=message):
        parsed(**content)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), float("-inf")])
@pytest.mark.parametrize(
    "path", ["survival.horizon_years", "compute.cache_gb", "tiles.mpp", "labels.low", "training.learning_rate"]
)
def test_a_value_that_is_no_finite_number_is_refused(path, value):
    section, key = path.split(".")
    with pytest.raises(ConfigError, match=rf"{section}\.{key}: "):
        parsed(**{section: {key: value}})


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_cut_that_is_no_finite_number_is_refused(value):
    with pytest.raises(ConfigError, match=r"survival\.cut"):
        parsed(survival={"cut": [0.3, value]})


def test_every_problem_is_told_at_once():
    with pytest.raises(ConfigError) as raised:
        parsed(tiles={"size": 3, "mpp": -1}, labels={"high": 20})
    assert all(part in str(raised.value) for part in ("tiles.size", "tiles.mpp", "labels.high"))


@pytest.mark.parametrize("content", [{}, {"traits": []}])
def test_a_study_without_traits_can_be_checked_but_a_run_is_told_so(content):
    from cartopath.methods import recipe_stages

    with pytest.raises(ConfigError, match="traits: name at least one gene, miRNA or clinical column"):
        recipe_stages(parse_config(content))


class TestTraits:
    def test_are_named_by_text_or_described_by_a_mapping(self):
        config = parsed(traits=["MKI67", {"name": "HER2", "feature": "ERBB2|2064"}, {"name": "ER", "column": "ER Status By IHC"}])
        assert config.traits == (
            TraitConfig(name="MKI67"),
            TraitConfig(name="HER2", feature="ERBB2|2064"),
            TraitConfig(name="ER", column="ER Status By IHC"),
        )

    def test_may_be_a_single_name(self):
        assert parsed(traits="MKI67").trait_names == ["MKI67"]

    def test_keep_the_order_of_the_file(self):
        assert parsed(traits=["b", "a", "c"]).trait_names == ["b", "a", "c"]

    def test_are_named_once(self):
        with pytest.raises(ConfigError, match="traits named twice: MKI67"):
            parsed(traits=["MKI67", "ER", {"name": "MKI67", "feature": "x"}])

    def test_come_from_one_table(self):
        with pytest.raises(ConfigError, match=r"traits\.0: a trait has a feature .* or a column .*, not both"):
            parsed(traits=[{"name": "ER", "feature": "ESR1", "column": "ER Status"}])

    def test_have_a_name(self):
        with pytest.raises(ConfigError, match=r"missing key 'traits\.0\.name'"):
            parsed(traits=[{"column": "ER Status"}])


@pytest.mark.parametrize(("section", "key"), [("maps", "heterogeneity"), ("survival", "traits")])
def test_a_trait_that_the_study_does_not_have_cannot_be_mapped(section, key):
    with pytest.raises(ConfigError, match=rf"{section}\.{key}: 'EGFR' is not among the traits \(MKI67\)"):
        parsed(**{section: {key: ["EGFR"]}})


def test_heterogeneity_is_of_all_traits_unless_it_says_otherwise():
    assert parsed(traits=["a", "b", "c"]).heterogeneity_traits == ["a", "b", "c"]
    assert parsed(traits=["a", "b", "c"], maps={"heterogeneity": ["c", "a"]}).heterogeneity_traits == ["c", "a"]


def test_survival_follows_the_traits_of_the_map_unless_it_says_otherwise():
    study = {"traits": ["a", "b", "c"], "maps": {"heterogeneity": ["a", "b"]}}
    assert parsed(**study).survival_traits == ["a", "b"]
    assert parsed(**study, survival={"traits": ["b", "c"]}).survival_traits == ["b", "c"]


def test_one_table_or_cut_need_no_list():
    config = parsed(molecular={"table": "a.tsv"}, survival={"cut": 0.3})
    assert [table.path.name for table in config.molecular.table] == ["a.tsv"]
    assert config.survival.cut == (0.3,)


def test_a_molecular_table_can_say_its_own_column_and_others_keep_what_is_said_for_all():
    from pathlib import Path

    from cartopath.study.inputs import MolecularInput, MolecularSource
    from cartopath.study.run import Study

    tables = ["mirna.csv", {"path": "star", "column": "unstranded", "sample_sheet": "sheet.tsv"}]
    study = Study(parsed(molecular={"table": tables, "format": "plain"}), Path("/s"))
    assert MolecularInput.of(study).sources == (
        MolecularSource(Path("/s/mirna.csv"), "plain"),
        MolecularSource(Path("/s/star"), "plain", Path("/s/sheet.tsv"), "unstranded"),
    )


def test_a_slide_is_not_left_out_without_a_reason():
    with pytest.raises(ConfigError, match=r"slides\.exclude: 'TCGA-XX' has no reason; say why it is left out"):
        parsed(slides={"exclude": {"TCGA-XX": " "}})


class TestReading:
    def test_a_key_that_stands_twice_is_an_error_rather_than_the_last_one_winning(self, tmp_path):
        (tmp_path / "study.yaml").write_text("slides: {dir: a}\ntraits: [MKI67]\nslides: {exclude: {A: blurred}}\n")
        with pytest.raises(ConfigError, match="key 'slides' stands twice; put both under one slides:"):
            read_config(tmp_path)

    def test_takes_a_folder_or_its_file(self, tmp_path):
        (tmp_path / "study.yaml").write_text("traits: [MKI67]")
        assert read_config(tmp_path) == read_config(tmp_path / "study.yaml")

    def test_a_folder_without_a_study_file_is_told_how_to_get_one(self, tmp_path):
        with pytest.raises(ConfigError, match=r"study\.yaml: no such study file; make one with `cartopath init`"):
            read_config(tmp_path)

    @pytest.mark.parametrize("text", ["traits: [MKI67", "a: b: c", "\tx: 1", "!!python/object/apply:os.system ['true']"])
    def test_what_is_no_yaml_is_refused_by_name(self, tmp_path, text):
        (tmp_path / "study.yaml").write_text(text)
        with pytest.raises(ConfigError, match=r"study\.yaml: not readable as YAML"):
            read_config(tmp_path)

    def test_bytes_that_are_no_text_are_refused_by_name(self, tmp_path):
        (tmp_path / "study.yaml").write_bytes(b"name: \xff\xfe")
        with pytest.raises(ConfigError, match=r"study\.yaml: not readable as YAML"):
            read_config(tmp_path)

    @pytest.mark.parametrize("text", ["", "- MKI67", "MKI67"])
    def test_yaml_that_is_no_mapping_is_refused(self, tmp_path, text):
        (tmp_path / "study.yaml").write_text(text)
        with pytest.raises(ConfigError, match="expected keys and values at the top level"):
            read_config(tmp_path)

    def test_a_path_that_does_not_exist_is_taken_for_a_folder(self, tmp_path):
        assert study_file(tmp_path / "absent") == tmp_path / "absent" / "study.yaml"


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        parsed().tiles.size_px = 3


def test_a_section_with_every_line_commented_out_is_as_if_it_were_not_there():
    content = {"name": "s", "slides": {"dir": "slides"}, "molecular": {"table": "m.tsv"}, "traits": ["MKI67"]}
    assert parse_config({**content, "clinical": None, "survival": None}) == parse_config(content)
