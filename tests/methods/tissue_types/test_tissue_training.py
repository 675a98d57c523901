"""A model of tissue types on simulated slides whose kinds of tissue are known, and its parts."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cartopath.core.errors import BundleError, ConfigError, TableError, TrainingError
from cartopath.core.rng import stream
from cartopath.methods.tissue_types.accuracy import accuracy_table
from cartopath.methods.tissue_types.annotated import Vocabulary, find_annotated
from cartopath.methods.tissue_types.examples import Examples, ExampleSpec, gather_examples
from cartopath.methods.tissue_types.fitting import FittingSpec, fit_network, linear_layer
from cartopath.methods.tissue_types.model import read_tissue_card, read_tissue_model
from cartopath.methods.tissue_types.train import train_tissue_model
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.simulate.tissue_kinds import TISSUE_KINDS

SMALL = FingerprintSpec(backbone="test_resnet", n_features=16, size_px=16, mpp=2.0)
VOCABULARY = Vocabulary(legend={number + 1: name for number, name in enumerate(TISSUE_KINDS)})


def coloured(n: int = 96) -> Examples:
    """Noise whose colour says which of three types it is, some tiles half of one and half of the next."""
    rng = stream(0, "coloured")
    shares = np.eye(3)[rng.integers(3, size=n)]
    shares[::4] = (shares[::4] + np.roll(shares[::4], 1, axis=1)) / 2
    light = 60 + 140 * shares[:, None, None, :] + rng.normal(0, 20, (n, 16, 16, 3))
    names = np.array([f"p{i % 6}" for i in range(n)])
    return Examples(light.clip(0, 255).astype(np.uint8), shares, ("a", "b", "c"), names, names)


class TestOnSimulatedSlides:
    def test_planted_kinds_are_recognised_on_patients_held_out(self, tissue_model):
        found = pd.read_csv(tissue_model / "held_out.csv").set_index("type")
        assert found["n_patients"].max() == 2
        assert found.loc["background", "accuracy"] > 0.9
        assert found.loc["epithelium", "accuracy"] > 0.7
        assert found.loc["all", "accuracy"] > 0.6

    def test_card_says_who_was_held_out(self, tissue_model):
        card, own = read_tissue_card(tissue_model)
        assert card.pieces == TISSUE_KINDS
        assert len(own["held_out"]) == 2 and len(own["trained_on"]) == 4
        assert not any(slide.startswith(tuple(own["held_out"])) for slide in own["trained_on"])

    def test_same_seed_gives_the_same_model(self, tissue_model, annotated, encoder, tmp_path):
        slides, _ = find_annotated(annotated / "slides", annotated / "masks")
        train_tissue_model(slides, tmp_path, encoder=encoder, vocabulary=VOCABULARY)
        assert read_tissue_card(tmp_path)[0].weights_sha256 == read_tissue_card(tissue_model)[0].weights_sha256

    def test_encoder_itself_is_not_changed(self, tissue_model, encoder):
        from cartopath.training.fingerprint.bundle import read_fingerprint

        own, base = (read_fingerprint(folder).network.backbone.state_dict() for folder in (tissue_model, encoder))
        assert all((own[name] == value).all() for name, value in base.items())

    def test_encoder_is_no_model_of_tissue_types(self, encoder):
        with pytest.raises(BundleError, match="cartopath tissue train"):
            read_tissue_model(encoder)


class TestExamples:
    def test_tiles_of_a_type_are_bounded_per_slide(self, annotated):
        slides, _ = find_annotated(annotated / "slides", annotated / "masks")
        found = gather_examples(slides[:2], SMALL, spec=ExampleSpec(tiles_per_type=9), vocabulary=VOCABULARY)
        counts = pd.crosstab(found.slide_ids, found.shares.argmax(axis=1))
        assert counts.to_numpy().max() == 9

    def test_shares_of_a_tile_sum_to_one(self, annotated):
        slides, _ = find_annotated(annotated / "slides", annotated / "masks")
        found = gather_examples(slides[:1], SMALL, spec=ExampleSpec(tiles_per_type=9), vocabulary=VOCABULARY)
        assert found.shares.sum(axis=1) == pytest.approx(1.0)

    def test_pixels_are_those_of_the_planted_kind(self, annotated):
        slides, _ = find_annotated(annotated / "slides", annotated / "masks")
        found = gather_examples(slides[:2], SMALL, spec=ExampleSpec(tiles_per_type=20), vocabulary=VOCABULARY)
        light = [found.pixels[found.shares[:, number] > 0.95].mean() for number in (0, 1)]
        assert light[0] > 225 > 200 > light[1]

    def test_one_type_alone_is_refused(self, annotated):
        slides, _ = find_annotated(annotated / "slides", annotated / "masks")
        with pytest.raises(TrainingError, match="only stroma is annotated"):
            gather_examples(slides[:1], SMALL, spec=ExampleSpec(), vocabulary=Vocabulary(legend={3: "stroma"}))


class TestFindingAnnotations:
    def test_annotation_has_the_name_of_its_slide(self, tmp_path, annotated):
        for name in ("slides", "marks"):
            (tmp_path / name).mkdir()
        source = next((annotated / "slides").iterdir())
        for name in ("S1.tif", "S10.tif", "S2.tif"):
            (tmp_path / "slides" / name).symlink_to(source)
        for name in ("S10.geojson", "S1_labels.png", "S3.geojson", "notes.txt"):
            (tmp_path / "marks" / name).touch()
        found, without = find_annotated(tmp_path / "slides", tmp_path / "marks")
        assert {one.slide_id: one.annotation.name for one in found} == {"S1": "S1_labels.png", "S10": "S10.geojson"}
        assert without == ["S2"]

    def test_two_annotations_of_a_slide_are_refused(self, tmp_path, annotated):
        source = next((annotated / "slides").iterdir())
        (tmp_path / "S1.tif").symlink_to(source)
        for name in ("S1.geojson", "S1_mask.png"):
            (tmp_path / name).touch()
        with pytest.raises(TableError, match="2 annotations"):
            find_annotated(tmp_path, tmp_path)

    def test_no_annotation_at_all_is_refused(self, annotated, tmp_path):
        with pytest.raises(TableError, match="name them as the slides"):
            find_annotated(annotated / "slides", tmp_path)


class TestFitting:
    def test_network_learns_colours_and_their_mixtures(self):
        import torch

        examples = coloured()
        network = fit_network(SMALL, examples, FittingSpec(epochs=12, learning_rate=5e-3, batch_size=16))
        with torch.inference_mode():
            found = network(torch.from_numpy(examples.pixels).permute(0, 3, 1, 2))[1].softmax(dim=1).numpy()
        assert (found.argmax(axis=1) == examples.shares.argmax(axis=1))[examples.shares.max(axis=1) == 1].mean() > 0.9
        assert np.abs(found - examples.shares).mean() < 0.2

    def test_network_is_the_same_for_the_same_seed(self):
        from cartopath.models import weights_of

        spec = FittingSpec(epochs=1, batch_size=32)
        first, second = (weights_of(fit_network(SMALL, coloured(), spec)) for _ in range(2))
        assert all((first[name] == second[name]).all() for name in first)

    def test_linear_layer_is_that_of_scikit_learn_for_whole_tiles(self):
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        rng = stream(0, "features")
        which = rng.integers(3, size=90)
        features = rng.normal(0, 1, (90, 5)) + 2.0 * np.eye(5)[which]
        weight, bias = linear_layer(features, np.eye(3)[which], penalty=0.5)
        own = np.exp(features @ weight.T + bias)
        standard = StandardScaler().fit_transform(features)
        theirs = LogisticRegression(C=0.5, max_iter=2000).fit(standard, which).predict_proba(standard)
        assert own / own.sum(axis=1, keepdims=True) == pytest.approx(theirs, abs=1e-3)

    def test_linear_layer_tells_two_types_apart_and_bears_a_dead_feature(self):
        features = np.array([[-1.0, 7.0], [-2.0, 7.0], [1.0, 7.0], [2.0, 7.0]])
        weight, bias = linear_layer(features, np.eye(2)[[0, 0, 1, 1]], penalty=1.0)
        assert (features @ weight.T + bias).argmax(axis=1).tolist() == [0, 0, 1, 1]
        assert weight[:, 1].tolist() == [0.0, 0.0]


class TestAccuracy:
    def test_right_answers_are_counted_by_type(self):
        examples = coloured(12)
        examples = examples.rows(examples.shares.max(axis=1) == 1)
        wrong = np.where((examples.shares[:, 0] == 1)[:, None], np.array([0.0, 1.0, 0.0]), examples.shares)
        found = accuracy_table(examples, wrong, seed=0).set_index("type")
        assert found.loc[["a", "b", "c"], "accuracy"].tolist() == [0.0, 1.0, 1.0]
        assert found.loc["a", "as_b"] == 1.0
        assert found.loc["all", "accuracy"] == 1 - examples.shares[:, 0].mean()

    def test_interval_needs_two_patients(self):
        examples = coloured(12)
        one = Examples(examples.pixels, examples.shares, examples.types, examples.slide_ids, np.full(12, "p"))
        assert accuracy_table(one, examples.shares, seed=0)[["low", "high"]].isna().all(axis=None)


def test_network_and_encoder_together_are_refused(annotated, encoder, tmp_path):
    slides, _ = find_annotated(annotated / "slides", annotated / "masks")
    with pytest.raises(ConfigError, match="give one of them"):
        train_tissue_model(slides, tmp_path, encoder=encoder, network=SMALL)


def test_slides_are_held_out_where_there_is_one_patient(annotated, encoder, tmp_path):
    from dataclasses import replace

    slides, _ = find_annotated(annotated / "slides", annotated / "masks")
    own = [replace(slide, patient_id="p") for slide in slides[:3]]
    trained = train_tissue_model(own, tmp_path, encoder=encoder, vocabulary=VOCABULARY, examples=ExampleSpec(tiles_per_type=20))
    assert len(trained.held_out) == 1
    assert trained.notes == ("all slides are of one patient: slides are held out, not patients",)


def test_mask_of_a_slide_covers_it(annotated):
    slides, _ = find_annotated(annotated / "slides", annotated / "masks")
    assert np.asarray(Image.open(slides[0].annotation)).shape == (112, 112)
