"""Advice at the borders of its rules."""

import dataclasses

import pytest

from cartopath.benchmark.advice import Facts, Missed, Network, advise

PLAIN = Facts(
    path="a.svs",
    threads=4,
    cores=8,
    backend="direct",
    reason="",
    is_direct=True,
    stream_rate=1000.0,
    stream_rate_alone=250.0,
    threads_gain=4.0,
    decode_rate=1200.0,
    disk_rate=5000.0,
    scaled_gain=None,
    n_tiles=1000,
    tile_bytes=512 * 512 * 3,
    noise=0.05,
    n_read=800,
    n_unreadable=0,
)
MISSED = Missed("level 0 off grid", "stream", "OpenSlide", 3.456, 4.0)
NETWORK = Network(
    name="resnet34 at 224 px",
    device="the GPU",
    predict_rate=1000.0,
    train_rate=300.0,
    predict_share=1.0,
    train_share=1.0,
    read_rate=500.0,
)


def codes(**changes):
    return [advice.code for advice in advise(dataclasses.replace(PLAIN, **changes))]


def text(code, **changes):
    (found,) = (advice.text for advice in advise(dataclasses.replace(PLAIN, **changes)) if advice.code == code)
    return found


def network(**changes):
    return {"networks": (dataclasses.replace(NETWORK, **changes),)}


def test_a_slide_that_is_read_well_needs_no_advice():
    assert codes() == []


@pytest.mark.parametrize(("noise", "said"), [(0.30, []), (0.31, ["noisy"])])
def test_noise(noise, said):
    assert codes(noise=noise) == said


def test_a_slide_that_is_not_decoded_directly_should_be_converted():
    said = text("convert", is_direct=False, backend="openslide", reason="its frames overlap")
    assert "read by openslide (its frames overlap), not frame by frame" in said
    assert "vips tiffsave" in said


def test_a_decoder_without_a_reason_says_none():
    assert "read by image, not" in text("convert", is_direct=False, backend="image", reason="")


@pytest.mark.parametrize(("disk", "said"), [(None, []), (1000.0, []), (999.0, ["disk"])])
def test_the_disk_is_the_limit_when_it_gives_less_than_is_decoded(disk, said):
    assert codes(disk_rate=disk) == said


@pytest.mark.parametrize(
    ("gain", "threads", "cores", "said"),
    [
        (2.8, 4, 8, []),
        (2.79, 4, 8, ["threads"]),
        (1.4, 4, 2, []),  # four threads on two cores can give twice as much, no more
        (1.39, 4, 2, ["threads"]),
        (1.1, 2, 2, ["threads"]),
        (1.11, 2, 2, []),  # one thread would give less than 90 % of that
        (1.0, 1, 8, []),
    ],
)
def test_threads_that_bring_little(gain, threads, cores, said):
    assert codes(threads_gain=gain, threads=threads, cores=cores) == said


@pytest.mark.parametrize(
    ("gain", "threads", "does"),
    [
        (2.0, 4, "--threads 2 should do as well"),
        (1.4, 4, "--threads 2 should do as well"),
        (1.05, 2, "--threads 1 does as well"),
        (0.92, 2, "--threads 1 does as well"),
        (0.9, 2, "--threads 1 does better"),
    ],
)
def test_how_many_threads_do_as_well(gain, threads, does):
    said = text("threads", threads_gain=gain, threads=threads)
    assert said == f"{threads} threads read {gain:.2f} times as fast as one: {does} here"


def test_a_damaged_slide_is_said_first():
    assert codes(n_unreadable=1, is_direct=False) == ["damaged", "convert"]
    said = text("damaged", n_unreadable=700)
    assert said.startswith("700 of 800 tiles cannot be decoded")
    assert "run cartopath check" in said


def test_a_goal_that_is_missed_is_said_in_words():
    assert text("missed", missed=(MISSED,)) == (
        "level 0 off grid: stream is 3.456 times as fast as OpenSlide and should be 4 times: a goal is missed here"
    )


@pytest.mark.parametrize(("change", "code"), [({"noise": 0.5}, "noisy"), ({"n_unreadable": 1}, "damaged")])
def test_what_rests_on_rates_that_cannot_be_trusted_is_left_out(change, code):
    assert codes(disk_rate=1.0, threads_gain=1.0, missed=(MISSED,)) == ["missed", "disk", "threads"]
    assert codes(disk_rate=1.0, threads_gain=1.0, missed=(MISSED,), **change) == [code]


@pytest.mark.parametrize(("gain", "said"), [(None, []), (1.09, []), (1.1, ["scaling"]), (0.5, [])])
def test_scaled_decoding_is_mentioned_when_it_saves_something(gain, said):
    assert codes(scaled_gain=gain) == said


def test_what_scaled_decoding_saves():
    assert "saves 75% of the time" in text("scaling", scaled_gain=4.0)


@pytest.mark.parametrize(
    ("read_rate", "needs"), [(1000.0, "1 thread "), (999.0, "2 threads "), (500.0, "2 threads "), (499.0, "3 threads ")]
)
def test_threads_that_feed_a_network(read_rate, needs):
    assert f"reading needs {needs}" in text("feeding", **network(read_rate=read_rate))


@pytest.mark.parametrize(("read_rate", "is_too_slow"), [(125.0, False), (124.0, True)])
def test_more_threads_than_cores_are_pointed_out(read_rate, is_too_slow):
    assert ("more than the 8 cores" in text("feeding", **network(read_rate=read_rate))) == is_too_slow


@pytest.mark.parametrize(("share", "waits"), [(0.95, False), (0.949, True), (0.5, True)])
def test_a_network_that_waits_for_tiles(share, waits):
    assert ("waiting" in codes(**network(predict_share=share))) == waits


def test_how_long_a_network_waits():
    assert "waits for tiles 50% of the time" in text("waiting", **network(predict_share=0.5))


@pytest.mark.parametrize(("share", "suffices"), [(0.95, True), (0.949, False)])
def test_a_cache_is_worth_its_space_only_where_training_waits(share, suffices):
    said = text("cache", **network(train_share=share))
    assert ("compute.cache_gb: 0 suffices" in said) == suffices
    assert ("is worth 0.79 GB per slide" in said) != suffices


def test_every_network_gets_its_own_advice():
    networks = (NETWORK, dataclasses.replace(NETWORK, name="inception_v3 at 512 px"))
    assert codes(networks=networks) == ["feeding", "feeding", "cache", "cache"]
