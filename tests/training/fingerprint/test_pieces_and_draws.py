"""Left and right halves share no pixel (F42), pairs show the same place, and the draws are the named streams' alone."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cartopath.core.errors import ConfigError, TrainingError
from cartopath.core.geometry import RegionPx0
from cartopath.training.fingerprint import AugmentationSpec, FingerprintTraining, Picture, Piece, usable_pieces
from cartopath.training.fingerprint.draws import TileDraws, window_side
from cartopath.training.fingerprint.pieces import check_pieces
from cartopath.training.fingerprint.places import plan_places
from cartopath.training.fingerprint.reading import PieceReader, restyled


def draws_of(pieces, network, spec):
    places = plan_places(pieces, network, read_px=spec.augmentation.read_px(network.size_px), min_tissue=spec.min_tissue)
    return TileDraws(pieces, places, network, spec)


def squares(draws, network, spec, *, read_px, mpp=1.0):
    side = window_side(network, read_px, mpp)
    return draws.corner_px0[:, 0], draws.corner_px0[:, 0] + side


@pytest.mark.parametrize("width", [100, 101])
def test_halves_cover_a_piece_and_share_no_pixel(width):
    picture = Picture(style="a", path="x.tif", window_px0=RegionPx0(7, 9, width, 40), mpp=0.5)
    left, right = picture.left_px0, picture.right_px0
    assert left.right <= right.x
    assert (left.width, right.width, left.x, right.right) == (50, 50, 7, 7 + width)
    assert left.height == right.height == 40


@pytest.mark.parametrize("rotation", ["any", "right_angles"])
def test_training_squares_lie_in_left_halves_and_watched_ones_in_right_halves(striped, network, quick, rotation):
    spec = dataclasses.replace(quick, augmentation=AugmentationSpec(rotation=rotation), tiles_per_piece=40)
    draws = draws_of(striped, network, spec)
    read_px = spec.augmentation.read_px(network.size_px)
    for chunk in range(3):
        for batch in draws.chunk(chunk):
            low, high = squares(batch, network, spec, read_px=read_px)
            assert low.min() >= 0
            assert high[:, 0].max() <= 48
            assert high[:, 1].max() <= 64
    low, high = squares(draws.validation(), network, spec, read_px=network.size_px)
    assert low[:, 0].min() >= 48
    assert high[:, 0].max() <= 96


def test_tiles_are_drawn_all_over_the_half(striped, network, quick):
    draws = draws_of(striped, network, dataclasses.replace(quick, tiles_per_piece=400))
    corners = np.concatenate([batch.corner_px0[:, 0] for batch in draws.chunk(0)])
    assert len(np.unique(corners, axis=0)) > 700
    assert (corners.min(axis=0) <= 1).all()
    assert (corners.max(axis=0) >= (31, 47)).all()


def test_every_piece_is_shown_equally_often(striped, network, quick):
    draws = draws_of(striped, network, quick)
    pieces = np.concatenate([batch.piece for batch in draws.chunk(0)])
    assert np.bincount(pieces).tolist() == [4] * 6


def test_both_sections_of_a_piece_are_shown(striped, network, quick):
    draws = draws_of(striped, network, dataclasses.replace(quick, tiles_per_piece=20))
    pictures = np.concatenate([batch.picture[:, 0] for batch in draws.chunk(0)])
    assert 0.3 < pictures.mean() < 0.7
    assert draws.validation().picture.mean() == 0.5


def test_chunks_differ_and_repeat(striped, network, quick):
    draws = draws_of(striped, network, quick)
    first, second, again = draws.chunk(0), draws.chunk(1), draws_of(striped, network, quick).chunk(0)
    assert np.array_equal(first[0].corner_px0, again[0].corner_px0)
    assert np.array_equal(first[0].changes.colour, again[0].changes.colour)
    assert not np.array_equal(first[0].corner_px0, second[0].corner_px0)


def test_another_stream_draws_other_tiles(striped, network, quick):
    other = dataclasses.replace(quick, stream=("site", 2))
    assert not np.array_equal(
        draws_of(striped, network, quick).chunk(0)[0].corner_px0, draws_of(striped, network, other).chunk(0)[0].corner_px0
    )


def test_a_pair_of_sections_shows_one_place_at_both_resolutions(tmp_path, network, quick):
    coarse = Picture(style="a", path=tmp_path / "a.tif", window_px0=RegionPx0(10, 20, 96, 64), mpp=1.0)
    fine = Picture(style="b", path=tmp_path / "b.tif", window_px0=RegionPx0(300, 5, 192, 128), mpp=0.5)
    x, y = coarse.to_um(30, 50)
    assert fine.from_um(x, y) == (300 + 2 * (30 - 10), 5 + 2 * (50 - 20))


def test_pairs_of_sections_never_repeat_a_section_and_stay_in_the_half(striped, network, quick):
    draws = draws_of(striped, network, dataclasses.replace(quick, pairing="sections", tiles_per_piece=40))
    for batch in draws.chunk(0):
        assert (batch.picture[:, 0] != batch.picture[:, 1]).all()
        assert np.abs(batch.corner_px0[:, 0] - batch.corner_px0[:, 1]).max() <= 1
        assert (batch.corner_px0[..., 0] + network.size_px).max() <= 48


def test_tiles_are_the_pixels_of_their_squares(striped, network, quick):
    draws = draws_of(striped, network, dataclasses.replace(quick, pairing="sections")).chunk(0)[0]
    reader = PieceReader(striped, network, open_slides=2)
    with ThreadPoolExecutor(3) as pool:
        tiles = reader.read(draws, read_px=network.size_px, pool=pool)
    reader.close()
    assert tiles.shape == (8, 2, 16, 16, 3)
    from cartopath.slides import open_slide

    for row in range(8):
        for column in range(2):
            picture = striped[draws.piece[row]].pictures[draws.picture[row, column]]
            with open_slide(picture.path) as slide:
                expected = slide.read_region(*draws.corner_px0[row, column], 0, 16, 16)
            assert np.array_equal(tiles[row, column], expected)


def test_a_style_makes_the_second_image_from_a_stream_of_its_own(striped, network, quick):
    draws = draws_of(striped, network, quick).chunk(0)[0]
    tiles = np.full((8, 1, 16, 16, 3), 100, np.uint8)

    def style(tile, rng):
        return tile + rng.integers(100, dtype=np.uint8)

    both = restyled(tiles, draws, style, seed=0, names=(0,))
    assert (both[:, 0] == 100).all()
    assert len({int(tile[0, 0, 0]) for tile in both[:, 1]}) > 4
    part = draws.rows(slice(4, None))
    assert np.array_equal(restyled(tiles[4:], part, style, seed=0, names=(0,)), both[4:])


def test_a_style_of_another_shape_is_refused(striped, network, quick):
    draws = draws_of(striped, network, quick).chunk(0)[0]
    with pytest.raises(TrainingError, match=r"must give uint8 tiles of shape \(16, 16, 3\)"):
        restyled(np.zeros((8, 1, 16, 16, 3), np.uint8), draws, lambda tile, rng: tile[:8], seed=0, names=())


def test_pieces_without_tissue_in_a_half_are_named_or_left_out(tmp_path, striped, network):
    path = tmp_path / "half-empty.tif"
    pixels = np.full((64, 96, 3), 244, np.uint8)
    pixels[:, :48] = 120
    import tifffile

    tifffile.imwrite(path, pixels, photometric="rgb", resolution=(1e4, 1e4), resolutionunit="CENTIMETER")
    window = RegionPx0(0, 0, 96, 64)
    empty = Piece(piece_id="empty", patient_id="p", pictures=(Picture(style="a", path=path, window_px0=window, mpp=1.0),))
    usable, left_out = usable_pieces([*striped, empty], network, read_px=16, min_tissue=0.5)
    assert (usable, left_out) == (striped, [empty])
    with pytest.raises(TrainingError, match=r"1 of 7 pieces .* empty"):
        plan_places([*striped, empty], network, read_px=16, min_tissue=0.5)


def test_too_large_tiles_name_the_way_out(striped, network):
    with pytest.raises(TrainingError, match="turn tiles by right angles only"):
        plan_places(striped, dataclasses.replace(network, size_px=40), read_px=58, min_tissue=0.5)


def test_pieces_need_names_of_their_own(striped):
    with pytest.raises(TrainingError, match="2 pieces are called 'core-0'"):
        check_pieces([striped[0], striped[0]])
    with pytest.raises(TrainingError, match="at least 2"):
        check_pieces(striped[:1])
    with pytest.raises(TrainingError, match="different styles"):
        Piece(piece_id="a", patient_id="p", pictures=striped[0].pictures[:1] * 2)


def test_pairs_of_sections_need_two_sections(striped, network, quick):
    pieces = [striped[0].only(["pink"]), *striped[1:]]
    with pytest.raises(TrainingError, match="'core-0' has 1"):
        draws_of(pieces, network, dataclasses.replace(quick, pairing="sections"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pairing": "twins"}, "'pairing' parameter"),
        ({"pairing": "style"}, "'style_name' parameter"),
        ({"gamma": -1.0}, "'gamma' parameter"),
        ({"tiles_per_piece": 0}, "'tiles_per_piece' parameter"),
        ({"lr": 0.0}, "'lr' parameter"),
        ({"batch_size": 1}, "'batch_size' parameter"),
    ],
)
def test_impossible_recipes_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        FingerprintTraining(**changes)
