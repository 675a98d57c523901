"""The encoders of a study: own, none, random, published, or somebody's bundle."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cartopath.core.errors import BundleError
from cartopath.methods import method_findings
from cartopath.methods.encoding import own
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.store.hashing import file_sha256
from cartopath.study.study_file import parse_config
from cartopath.training.fingerprint import read_fingerprint, read_fingerprint_card

ENCODER = Path("models", "fingerprints", "encoder_0")


@pytest.fixture
def study_of(write_fingerprints, fingerprints_config, copy_beginning, tmp_path):
    """Return a study that has come as far as its encoder, with some keys of its method changed."""

    def study_of_(*, splits=None, **method):
        folder = copy_beginning(tmp_path / "study")
        splits = splits or fingerprints_config["splits"]
        return write_fingerprints(folder, method={**fingerprints_config["method"], **method}, splits=splits)

    return study_of_


class TestAnOwnEncoder:
    def test_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(self, study_of, run, fingerprints_study, monkeypatch):
        def killed(**news):
            if news["chunk"] == 0:
                raise KeyboardInterrupt

        study = study_of()
        with monkeypatch.context() as patch:
            patch.setattr(own, "publish", killed)
            with pytest.raises(KeyboardInterrupt):
                run(study, until="pretrain")
        chunks = []
        monkeypatch.setattr(own, "publish", lambda **news: chunks.append(news["chunk"]))
        run(study, until="pretrain")
        assert chunks == [1]
        assert file_sha256(study.root / ENCODER / "weights.safetensors") == file_sha256(
            fingerprints_study / ENCODER / "weights.safetensors"
        )

    def test_says_what_to_change_where_no_region_is_large_enough(self, study_of, run):
        ran = run(study_of(pretraining={"region_um": 100, "rotation": "any"}), until="pretrain")
        assert "0 regions of 100 um to tell apart" in ran.failed["pretrain encoder 0"]
        assert "change method.pretraining.region_um" in ran.failed["pretrain encoder 0"]

    def test_keeps_its_curve(self, fingerprints_study):
        curve = pd.read_parquet(fingerprints_study / ENCODER / "curve.parquet")
        assert {"chunk", "train_loss", "style_distance", "validation_accuracy"} <= set(curve)
        assert (curve["style_distance"] > 0).all()

    def test_has_its_accuracy_in_a_table_beside_that_of_guessing(self, fingerprints_study):
        table = pd.read_csv(fingerprints_study / "tables" / "pretraining.csv")
        assert table["chunk"].tolist() == [0, 1]
        assert table["is_best"].sum() == 1
        assert table["chance"].tolist() == pytest.approx(1 / table["n_regions"])
        assert table["n_patients"].iloc[0] <= 18
        assert table["val_accuracy"].between(0, 1).all()


def test_a_random_encoder_has_heads_like_any(study_of, run):
    study = study_of(encoder="random")
    ran = run(study, until="train")
    assert not ran.failed
    assert {stage: len(names) for stage, names in ran.done.items()} == {"pretrain": 1, "embed": 24, "train": 4}
    assert read_fingerprint_card(study.root / ENCODER).spec.backbone == "test_resnet"


def test_a_published_encoder_gives_the_features_of_its_backbone(study_of, run, monkeypatch):
    from cartopath.models.torchvision_ops import timm_ready

    timm_ready()
    import timm

    create, asked = timm.create_model, []

    def without_download(name, *, pretrained, **options):
        asked.append(pretrained)
        return create(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", without_download)
    study = study_of(encoder="timm/test_resnet")
    assert not run(study, until="pretrain").failed
    spec = read_fingerprint_card(study.root / ENCODER).spec
    assert asked[-1]
    assert (spec.pretrained, spec.input_range, spec.n_features) == (True, "imagenet", 96)
    assert not hasattr(read_fingerprint(study.root / ENCODER).network.projection, "weight")


def test_published_weights_that_cannot_be_fetched_are_an_error_with_a_way_out(study_of, run, monkeypatch):
    from cartopath.methods.encoding import published

    def offline(spec, **options):
        if spec.pretrained:
            raise OSError("We couldn't connect to the hub")
        return published_before(spec, **options)

    published_before = published.build_fingerprint_network
    monkeypatch.setattr(published, "build_fingerprint_network", offline)
    reason = run(study_of(encoder="timm/test_resnet"), until="pretrain").failed["pretrain encoder 0"]
    assert "the weights of test_resnet cannot be fetched (We couldn't connect to the hub)" in reason
    assert "HF_HOME" in reason


class TestABundle:
    def test_becomes_part_of_the_study(self, study_of, run, fingerprints_study):
        study = study_of(encoder=(fingerprints_study / ENCODER).as_posix())
        ran = run(study, until="pretrain")
        assert dict(ran.done) == {"pretrain": {"encoder 0"}}
        for name in ("weights.safetensors", "fingerprint.json"):
            assert (study.root / ENCODER / name).read_bytes() == (fingerprints_study / ENCODER / name).read_bytes()

    def test_that_saw_test_patients_is_refused(self, study_of, run, fingerprints_study):
        study = study_of(encoder=(fingerprints_study / ENCODER).as_posix(), splits={"scheme": "folds", "rounds": 3})
        with pytest.raises(
            BundleError, match=r"encoder_0: learned from 1\d patients who are test patients of this study \(TCGA-"
        ):
            run(study, until="pretrain")

    def test_of_other_tiles_is_refused(self, study_of, run, fingerprints_study, tmp_path):
        folder = shutil.copytree(fingerprints_study / ENCODER, tmp_path / "bundle")
        card = json.loads((folder / "fingerprint.json").read_text())
        card["network"]["mpp"] = 0.5
        (folder / "fingerprint.json").write_text(json.dumps(card))
        with pytest.raises(BundleError, match=r"takes tiles of 64 px at 0\.5 um/px, the study has 64 px at 1; set tiles"):
            run(study_of(encoder=folder.as_posix()), until="pretrain")

    def test_that_is_damaged_is_refused(self, study_of, run, fingerprints_study, tmp_path):
        folder = shutil.copytree(fingerprints_study / ENCODER, tmp_path / "bundle")
        (folder / "weights.safetensors").write_bytes(b"nothing")
        reason = run(study_of(encoder=folder.as_posix()), until="pretrain").failed["pretrain encoder 0"]
        assert "weights.safetensors" in reason
        assert "damaged" in reason


class TestWithoutAnEncoder:
    @pytest.fixture
    def direct(self, study_of, monkeypatch):
        """A study whose backbone learns the trait itself, and what it was given to learn from."""
        from cartopath.methods.tile_classifier import training

        train, given = training.train_classifier, []

        def recording(examples, validation, network, spec, **options):
            given.append((examples, validation, network))
            return train(examples, validation, network, spec, **options)

        monkeypatch.setattr(training, "train_classifier", recording)
        return study_of(encoder="none"), given

    def test_the_backbone_learns_from_the_tiles_that_every_head_learns_from(self, direct, run, fingerprints_study):
        from cartopath.methods.encoding.sample import sampled_rows

        study, given = direct
        ran = run(study, traits=("MKI67",))
        assert not ran.failed
        assert {stage: len(names) for stage, names in ran.done.items()} == {"cache": 24, "train": 2, "ensemble": 1, "predict": 24}
        train, validation, network = given[0]
        assert (network.backbone, network.pool) == ("test_resnet", "avg")
        rows = sampled_rows(study)
        for example in [*train, *validation]:
            tiles = pd.read_parquet(study.layout.tiles(example.slide.slide_id))
            assert example.slide.cache_path is not None
            assert (tiles.iloc[rows[example.slide.slide_id]][["x_px0", "y_px0"]].to_numpy() == example.slide.xy_px0).all()
        slide_id = train[0].slide.slide_id
        scored = pd.read_parquet(study.layout.scores("fingerprints", "MKI67", slide_id))
        assert len(scored) == len(pd.read_parquet(study.layout.tiles(slide_id))) > len(rows[slide_id])


class TestACheck:
    def findings(self, root=Path(), **method):
        content = {"traits": ["MKI67"], "method": {"name": "fingerprints", **method}, "tiles": {"size_px": 64, "mpp": 1.0}}
        return list(method_findings(parse_config(content), root))

    @pytest.mark.parametrize("encoder", ["own", "none", "random", "timm/test_resnet"])
    def test_has_nothing_to_say_of_a_network_that_fits(self, encoder):
        assert self.findings(encoder=encoder, backbone="test_resnet") == []

    def test_accepts_a_bundle_beside_the_study_file(self, fingerprints_study):
        assert self.findings(fingerprints_study, encoder=ENCODER.as_posix()) == []

    @pytest.mark.parametrize(
        ("method", "message"),
        [
            ({"backbone": "resnet_34"}, "no backbone 'resnet_34'"),
            ({"encoder": "none", "backbone": "resnet_34"}, "no backbone 'resnet_34'"),
            ({"encoder": "timm/resnet_34"}, "no backbone 'resnet_34'"),
            ({"encoder": "nowhere"}, "no folder .*nowhere"),
            ({"encoder": "."}, "no fingerprint network"),
        ],
    )
    def test_names_an_encoder_that_cannot_be_had(self, tmp_path, method, message):
        import re

        (finding,) = self.findings(tmp_path, **method)
        assert (finding.severity, finding.code) == ("error", "network-unusable")
        assert re.search(message, finding.message)

    @pytest.mark.parametrize("encoder", ["timm/test_resnet", "nowhere"])
    def test_refuses_a_backbone_that_the_encoder_leaves_without_a_use(self, tmp_path, encoder):
        finding = self.findings(tmp_path, encoder=encoder, backbone="resnet18")[0]
        assert (finding.severity, finding.code, finding.subject) == ("error", "setting-without-effect", "method.backbone")
        assert f"resnet18 would go unused: the encoder '{encoder}' is a network already" in finding.message


def test_the_spec_of_an_encoder_takes_the_tiles_of_the_study():
    from cartopath.methods.encoding.settings import encoder_spec

    config = parse_config({"traits": ["A"], "method": {"name": "fingerprints", "colour": "grey"}, "tiles": {"size_px": 224}})
    assert encoder_spec(config) == FingerprintSpec(size_px=224, mpp=0.5, colour="grey")
