"""Measuring memory."""

import importlib
import os
import sys

import numpy as np
import pytest

from cartopath.benchmark.line import Slope
from cartopath.benchmark.memory import (
    Growth,
    MeasurementError,
    growth,
    peak_memory,
    resident_mb,
    resident_over,
    tile_one,
)
from cartopath.slides import TileSpec

SPEC = TileSpec(size_px=64, mpp=0.5)


def test_the_peak_of_a_process_of_its_own_is_measured(tmp_path, monkeypatch):
    (tmp_path / "holding.py").write_text("def hold(n_bytes):\n    held = bytearray(b'a') * n_bytes\n    return held[-1]\n")
    monkeypatch.syspath_prepend(tmp_path)  # which the other process is told
    hold = importlib.import_module("holding").hold
    small, large = (peak_memory(hold, n_bytes) for n_bytes in (1, 300_000_000))
    assert small.result == large.result == ord("a")
    assert large.gigabytes - small.gigabytes == pytest.approx(0.3, abs=0.03)


def test_a_process_that_dies_is_an_error():
    with pytest.raises(MeasurementError, match="exit code 3"):
        peak_memory(os._exit, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what is resident now")
def test_resident_memory_falls_when_memory_is_given_back():
    before = resident_mb()
    held = np.ones(200_000_000, np.uint8)
    during = resident_mb()
    del held
    assert during - before == pytest.approx(200, abs=20)
    assert resident_mb() - before == pytest.approx(0, abs=20)


def test_a_slide_is_tiled(slide_40x):
    counts = tile_one(slide_40x, SPEC, 2)
    assert counts["grid"] == 10 * 8
    assert counts["kept"] > 0


def test_memory_is_noted_after_every_slide(slide_40x):
    after = resident_over([slide_40x] * 3, SPEC, 2)
    assert len(after) == 3
    assert min(after) > 10


class TestGrowth:
    def test_finds_the_slope(self):
        found = growth([200.0 + 0.05 * i for i in range(500)])
        assert found.kb_per_slide.value == pytest.approx(50.0)
        assert not found.is_flat

    def test_leaves_out_warming_up(self):
        found = growth([100.0 + min(i, 190) for i in range(1000)])
        assert found.kb_per_slide.value == 0.0
        assert found.is_flat

    def test_interval_is_honest_under_noise_that_neighbours_share(self):
        rng = np.random.default_rng(0)
        n_covered = 0
        for _ in range(300):
            noise = np.repeat(rng.normal(0, 3, 250), 4)
            found = growth(300 + 0.01 * np.arange(1000) + noise).kb_per_slide
            n_covered += found.low < 10.0 < found.high
        assert 0.91 < n_covered / 300 < 0.985

    @pytest.mark.parametrize(("high", "is_flat"), [(29.9, True), (30.0, False)])
    def test_is_flat_when_a_thousand_slides_add_less_than_a_tenth(self, high, is_flat):
        assert Growth(300.0, 301.0, Slope(1.0, 0.0, high)).is_flat == is_flat
