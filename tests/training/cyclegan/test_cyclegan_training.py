"""Training between two planted styles: it learns, it can be killed, and its bundle is all that is needed."""

import dataclasses
import json

import numpy as np
import pytest

from cartopath.core.errors import BundleError, TrainingError
from cartopath.models.cyclegan import DiscriminatorSpec, GeneratorSpec
from cartopath.store import atomic
from cartopath.style import colour_distance, transfer_quality
from cartopath.style.colour import rgb_to_lab
from cartopath.training.cyclegan import (
    CycleGanSpec,
    ImageFiles,
    load_generator,
    read_cyclegan_card,
    read_image,
    restyle_files,
    slide_tiles,
    train_cyclegan,
)

FILES = ("a_to_b.safetensors", "b_to_a.safetensors", "cyclegan.json")


class Killed(Exception):  # noqa: N818 - not an error of anybody
    """Stands for the end of the process."""


@pytest.fixture
def sets(tiles_of):
    return tiles_of("A", "slides of A", 5), tiles_of("C", "slides of C", 7)


@pytest.fixture
def trained(sets, tiny, tmp_path):
    return train_cyclegan(*sets, tiny, tmp_path / "model", work_dir=tmp_path / "work", names=("Aston", "Crewe"))


def assert_same(folder, other):
    for name in FILES:
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name


def wrong(made, truth):
    """The mean difference of colour, pixel by pixel, from the same tissue in the stain that was aimed at."""
    return float(np.linalg.norm(rgb_to_lab(made) - rgb_to_lab(truth), axis=-1).mean())


@pytest.mark.slow
def test_planted_styles_are_learned_and_structure_is_kept(tiles_of, tmp_path):
    a, b = tiles_of("A", "slides of A", 40), tiles_of("C", "slides of C", 40)
    spec = CycleGanSpec(
        generator=GeneratorSpec(channels=8, blocks=1, halvings=0),
        discriminator=DiscriminatorSpec(channels=8, layers=2),
        load_px=None,
        crop_px=48,
        lr=2e-3,
        cycle_weight=20.0,
        epochs=3,
        decay_epochs=6,
        steps_per_epoch=25,
        pool_size=20,
        accelerator="cpu",
    )
    train_cyclegan(a, b, spec, tmp_path / "model", work_dir=tmp_path / "work")
    unseen_a, unseen_b = tiles_of("A", "other slides", 16), tiles_of("C", "other slides", 16)
    for direction, source, target in (("a_to_b", unseen_a, unseen_b), ("b_to_a", unseen_b, unseen_a)):
        made = load_generator(tmp_path / "model", direction, device="cpu")(source)
        quality = transfer_quality(source, made, target)
        assert quality.before.mean > 15
        assert quality.after.mean < 0.35 * quality.before.mean
        assert quality.after.distribution < 0.4 * quality.before.distribution
        assert quality.gradient_correlation > 0.8
        assert wrong(made, target) < 0.65 * wrong(source, target)


def test_killed_after_any_epoch_it_ends_with_the_same_bytes(sets, tiny, tmp_path, trained):
    def kill(epoch, losses):
        raise Killed

    for _ in range(tiny.n_epochs):
        with pytest.raises(Killed):
            train_cyclegan(*sets, tiny, tmp_path / "m", work_dir=tmp_path / "w", names=("Aston", "Crewe"), progress=kill)
    train_cyclegan(*sets, tiny, tmp_path / "m", work_dir=tmp_path / "w", names=("Aston", "Crewe"), progress=kill)
    assert_same(tmp_path / "m", trained.folder)


def test_killed_at_any_write_it_ends_with_the_same_bytes(sets, tiny, tmp_path, trained, monkeypatch):
    real, left, deaths = atomic._fsync_folder, [0], 0

    def fsync_or_die(folder):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        real(folder)

    monkeypatch.setattr(atomic, "_fsync_folder", fsync_or_die)
    while True:
        left[0] = 2 + deaths % 2  # At least one epoch further each time, or else the whole bundle.
        try:
            train_cyclegan(*sets, tiny, tmp_path / "m", work_dir=tmp_path / "w", names=("Aston", "Crewe"))
        except Killed:
            deaths += 1
            assert deaths < 20
            continue
        break
    assert deaths > 2
    assert_same(tmp_path / "m", trained.folder)


def test_a_finished_training_is_only_read(sets, tiny, tmp_path, trained):
    def never(epoch, losses):
        raise AssertionError

    again = train_cyclegan(*sets, tiny, trained.folder, work_dir=tmp_path / "work", names=("Aston", "Crewe"), progress=never)
    assert again.curve.equals(trained.curve)
    assert not list((tmp_path / "work").glob("resume*"))


def test_another_recipe_trains_anew(sets, tiny, tmp_path, trained):
    epochs = []
    changed = dataclasses.replace(tiny, lr=1e-3)
    train_cyclegan(*sets, changed, trained.folder, work_dir=tmp_path / "work", progress=lambda epoch, _: epochs.append(epoch))
    assert epochs == [0, 1, 2]


def test_other_tiles_train_anew(sets, tiny, tmp_path, trained):
    before = read_cyclegan_card(trained.folder).key
    train_cyclegan(sets[0], sets[1][:-1], tiny, trained.folder, work_dir=tmp_path / "work", names=("Aston", "Crewe"))
    assert read_cyclegan_card(trained.folder).key != before


def test_the_curve_has_a_row_per_epoch_with_its_learning_rate(trained, tiny):
    assert trained.curve["epoch"].tolist() == [0, 1, 2]
    assert trained.curve["lr"].tolist() == pytest.approx([tiny.lr, tiny.lr, tiny.lr / 2])
    assert np.isfinite(trained.curve[["adversarial", "cycle", "identity", "discriminator"]]).all(axis=None)


def test_tiles_from_a_generator_give_the_same_as_tiles_from_an_array(sets, tiny, tmp_path, trained):
    names = ("Aston", "Crewe")
    train_cyclegan((tile for tile in sets[0]), iter(sets[1]), tiny, tmp_path / "m", work_dir=tmp_path / "w", names=names)
    assert_same(tmp_path / "m", trained.folder)


def test_an_empty_set_is_refused(sets, tiny, tmp_path):
    with pytest.raises(TrainingError, match="style 'b' has no tiles"):
        train_cyclegan(sets[0], [], tiny, tmp_path / "m", work_dir=tmp_path / "w")


def test_tiles_that_are_no_bytes_are_refused(sets, tiny, tmp_path):
    with pytest.raises(TrainingError, match="the first tile of style 'a' must be uint8"):
        train_cyclegan(sets[0] / 255.0, sets[1], tiny, tmp_path / "m", work_dir=tmp_path / "w")


def test_a_loss_that_is_no_number_ends_the_training(sets, tiny, tmp_path):
    with pytest.raises(TrainingError, match="is no number"):
        train_cyclegan(*sets, dataclasses.replace(tiny, lr=1e30), tmp_path / "m", work_dir=tmp_path / "w")


def test_a_generator_restyles_tiles_of_any_size(trained, sets):
    restyler = load_generator(trained.folder)
    odd = sets[0][0][:33, :47]
    made = restyler(odd)
    assert made.shape == odd.shape
    assert made.dtype == np.uint8
    assert restyler.names == ("Aston", "Crewe")
    assert load_generator(trained.folder, "b_to_a").names == ("Crewe", "Aston")


def test_tiles_are_restyled_alike_in_any_batch(trained, sets):
    together = load_generator(trained.folder, device="cpu", batch_size=4)(sets[0])
    alone = np.stack([load_generator(trained.folder, device="cpu", batch_size=1)(tile) for tile in sets[0]])
    assert np.abs(together.astype(int) - alone).max() <= 1


def test_the_two_directions_are_two_networks(trained, sets):
    there, back = (load_generator(trained.folder, direction)(sets[0][0]) for direction in ("a_to_b", "b_to_a"))
    assert (there != back).any()


def test_a_folder_of_tiles_is_restyled_once(trained, sets, tmp_path):
    source, target = tmp_path / "tiles", tmp_path / "restyled"
    source.mkdir()
    from PIL import Image

    for number, tile in enumerate(sets[0][:3]):
        Image.fromarray(tile).save(source / f"tile-{number}.png")
    restyler = load_generator(trained.folder, device="cpu")
    files = restyle_files(restyler, source, target)
    assert [file.name for file in files] == ["tile-0.png", "tile-1.png", "tile-2.png"]
    assert (read_image(files[1]) == restyler(sets[0][1])).all()
    stamp = files[1].stat().st_mtime_ns
    files[0].unlink()
    assert restyle_files(restyler, source, target) == files
    assert files[1].stat().st_mtime_ns == stamp
    restyle_files(load_generator(trained.folder, "b_to_a", device="cpu"), source, target)
    assert (read_image(files[1]) != restyler(sets[0][1])).any()


def test_image_files_are_tiles_in_the_order_of_their_names(sets, tmp_path):
    from PIL import Image

    for number in (2, 0, 1):
        Image.fromarray(sets[0][number]).save(tmp_path / f"{number}.png")
    files = ImageFiles(tmp_path)
    assert len(files) == 3
    assert all((files[number] == sets[0][number]).all() for number in range(3))


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="no image files"):
        ImageFiles(tmp_path)


def test_tiles_come_from_slides(sets, tmp_path):
    from PIL import Image

    from cartopath.slides import open_slide

    Image.fromarray(np.concatenate(sets[0][:2], axis=1)).save(tmp_path / "slide.png")
    with open_slide(tmp_path / "slide.png", mpp=1.0) as slide:
        tiles = list(slide_tiles(slide, np.array([[0, 0], [48, 0]]), window_px0=48, size_px=48))
    assert all((tile == sets[0][number]).all() for number, tile in enumerate(tiles))


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(BundleError, match="no trained CycleGAN"):
        load_generator(tmp_path)


def test_an_unknown_direction_is_refused(trained):
    with pytest.raises(BundleError, match="no direction 'forth'"):
        load_generator(trained.folder, "forth")


def test_exchanged_weights_are_refused(trained):
    (trained.folder / "a_to_b.safetensors").write_bytes((trained.folder / "b_to_a.safetensors").read_bytes())
    with pytest.raises(BundleError, match="sha256 differs"):
        load_generator(trained.folder)


@pytest.mark.parametrize("name", ["generator", "names", "sha256", "card"])
def test_a_damaged_card_is_refused(trained, name):
    path = trained.folder / "cyclegan.json"
    content = json.loads(path.read_text())
    content[name] = None
    path.write_text(json.dumps(content))
    with pytest.raises(BundleError, match="unusable"):
        load_generator(trained.folder)


def test_planted_styles_differ(tiles_of):
    assert colour_distance(tiles_of("A", "slides of A", 5), tiles_of("C", "slides of C", 7)).mean > 15
