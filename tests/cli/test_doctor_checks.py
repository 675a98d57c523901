"""Every check of the doctor finds the fault that is planted for it, and none ends the others."""

from __future__ import annotations

import os
import types
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest

from cartopath.cli.doctor.examination import examine, run_check
from cartopath.cli.doctor.machine import cores, devices, memory, memory_limit, open_files, threads
from cartopath.cli.doctor.slides import codecs, opens_a_slide, openslide_version
from cartopath.cli.doctor.software import encoding, font_cache, packages, python_version, torch_build, torchvision_fits
from cartopath.cli.doctor.storage import disk, file_system, temporary_space
from cartopath.cli.doctor.verdict import Verdict
from cartopath.cli.doctor.workers import dask_worker
from cartopath.core.cores import usable_cores


class TestSoftware:
    def test_a_python_out_of_range_is_a_problem(self):
        assert python_version("3.10.2", ">=3.11").level == "problem"
        assert python_version("3.12.0", ">=3.11").level == "ok"

    def test_this_environment_has_a_supported_python(self):
        assert python_version().level == "ok"

    def test_a_missing_package_and_an_old_one_are_named_with_the_command(self):
        def version_of(name):
            if name == "gone":
                raise PackageNotFoundError(name)
            return {"old": "1.0", "right": "3.0"}[name]

        found = packages(["gone>=1", "old>=2.0", "right>=3", "other; extra == 'dev'"], version_of)
        assert found.level == "problem"
        assert found.found == "gone is missing; old 1.0 is not >=2.0"
        assert found.advice.endswith("gone old")

    def test_a_torch_that_multiplies_wrongly_is_a_problem(self):
        class Tensor:
            def __matmul__(self, other):
                return self

            def sum(self):
                return 1.0

        torch = types.SimpleNamespace(ones=lambda *_: Tensor(), __version__="0", version=types.SimpleNamespace(cuda=None))
        assert torch_build(lambda _: torch).level == "problem"

    @pytest.mark.parametrize(
        ("needs", "ready", "level"),
        [(["torch==2.13.0"], None, "ok"), (["torch==2.13.0"], object(), "warning"), (["torch==2.14.0"], None, "problem")],
    )
    def test_a_torchvision_made_for_another_torch(self, needs, ready, level):
        versions = {"torch": "2.13.0+cpu", "torchvision": "0.28.0"}
        assert torchvision_fits(versions.__getitem__, lambda _: needs, lambda: ready).level == level

    def test_a_font_cache_that_cannot_be_written_to(self, tmp_path):
        assert font_cache(lambda: str(tmp_path)).level == "ok"
        assert font_cache(lambda: str(tmp_path / "absent")).level == "warning"

    def test_a_temporary_font_cache(self, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path.parent))
        monkeypatch.delenv("MPLCONFIGDIR", raising=False)
        assert "temporary" in font_cache(lambda: str(tmp_path)).found

    @pytest.mark.parametrize(
        ("files", "text", "level"), [("utf-8", "UTF-8", "ok"), ("ascii", "UTF-8", "problem"), ("utf-8", "cp1252", "warning")]
    )
    def test_encodings_other_than_utf8(self, files, text, level):
        assert encoding(files, text).level == level


class TestSlides:
    @pytest.mark.parametrize(("found", "level"), [("3.4.1", "problem"), ("4.0.0", "problem"), ("4.0.1", "ok"), ("4.10.0", "ok")])
    def test_an_openslide_with_known_holes_is_a_problem(self, found, level):
        assert openslide_version(lambda: found).level == level

    def test_a_slide_made_on_the_spot_opens(self):
        assert opens_a_slide().level == "ok"

    def test_wrong_pixels_are_a_problem(self):
        class Slide:
            mpp, backend = 0.5, "planted"

            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

            def read_region(self, *_):
                return np.zeros((512, 512, 3), np.uint8)

        assert opens_a_slide(lambda _: Slide()) == Verdict(
            "problem", "planted opens a slide but gives wrong pixels", "pip install --force-reinstall openslide-bin"
        )

    def test_the_codecs_of_slides_are_here(self):
        assert codecs().level == "ok"

    @pytest.mark.parametrize(("name", "level"), [("jpeg8", "problem"), ("jpeg2k", "problem"), ("webp", "warning")])
    def test_a_codec_that_does_not_decode_is_named(self, name, level):
        import imagecodecs

        class Planted:
            __version__ = "0"

            def __getattr__(self, wanted):
                if wanted == f"{name}_decode":
                    raise ImportError(name)
                return getattr(imagecodecs, wanted)

        found = codecs(lambda _: Planted())
        assert (found.level, found.found) == (level, f"imagecodecs 0 cannot decode {name}")


class TestMachine:
    def test_a_gpu_that_torch_does_not_see_is_a_warning(self, tmp_path):
        off = types.SimpleNamespace(is_available=lambda: False)
        torch = types.SimpleNamespace(
            cuda=off, backends=types.SimpleNamespace(mps=off), __version__="2", version=types.SimpleNamespace(cuda=None)
        )
        (tmp_path / "version").touch()
        found = devices(lambda _: torch, tmp_path / "version")
        assert (found.level, found.advice) == ("warning", "install a CUDA build of torch and torchvision")
        assert devices(lambda _: torch, tmp_path / "absent").level == "ok"

    def test_the_quota_of_a_container_limits_the_cores(self, tmp_path):
        (tmp_path / "cpu.max").write_text("100000 100000\n")
        assert usable_cores(tmp_path) == 1
        assert cores(1, 8).found == "1 of 8 may be used here"

    def test_no_quota_leaves_all_cores_that_the_process_may_use(self, tmp_path):
        allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        assert usable_cores(tmp_path / "absent") == allowed
        (tmp_path / "cpu.max").write_text("max 100000\n")
        assert usable_cores(tmp_path) == allowed
        (tmp_path / "cpu.max").unlink()
        (tmp_path / "cpu").mkdir()
        (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
        (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
        assert usable_cores(tmp_path) == allowed

    def test_the_quota_of_an_older_container_does_too(self, tmp_path):
        (tmp_path / "cpu").mkdir()
        (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("50000\n")
        (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
        assert usable_cores(tmp_path) == 1

    def test_the_memory_of_a_container_is_what_counts(self, tmp_path):
        (tmp_path / "memory.max").write_text("1000000\n")
        assert memory_limit(tmp_path) == 1_000_000
        (tmp_path / "memory.max").write_text("max\n")
        assert memory_limit(tmp_path) > 1_000_000

    @pytest.mark.parametrize(("gigabytes", "level"), [(1, "problem"), (4, "warning"), (16, "ok")])
    def test_memory_is_compared_with_the_workers(self, gigabytes, level):
        assert memory(gigabytes * 10**9, 4).level == level

    @pytest.mark.parametrize(("value", "level"), [("1", "ok"), ("64", "warning"), ("many", "warning"), ("0", "warning")])
    def test_thread_settings(self, value, level):
        assert threads({"OMP_NUM_THREADS": value}, 2).level == level

    def test_a_low_limit_of_open_files(self):
        assert open_files(256).level == "warning"
        assert open_files(4096).level == "ok"


class TestStorage:
    @pytest.mark.parametrize(("space", "level"), [(0.5, "problem"), (5.0, "warning"), (500.0, "ok")])
    def test_the_space_on_the_disk_of_the_study(self, tmp_path, space, level):
        assert disk(tmp_path / "new" / "study", lambda _: space).level == level

    def test_little_space_for_temporary_files(self):
        assert "TMPDIR" in temporary_space(lambda _: 0.1).advice

    def test_a_folder_that_takes_files_is_left_as_it_was(self, tmp_path):
        assert file_system(tmp_path / "not" / "made").level == "ok"
        assert list(tmp_path.iterdir()) == []

    def test_a_file_system_that_refuses_is_a_problem(self, tmp_path):
        def refuse(path, content):
            raise OSError(30, "Read-only file system")

        found = file_system(tmp_path, refuse)
        assert (found.level, "Read-only file system" in found.found) == ("problem", True)

    def test_a_file_system_that_keeps_the_old_content_is_a_problem(self, tmp_path):
        def stale(path, content):
            if not path.exists():
                path.write_bytes(content)

        assert "old content" in file_system(tmp_path, stale).found


class TestWorkers:
    def test_a_worker_process_starts(self):
        assert dask_worker().level == "ok"

    def test_one_that_does_not_start_is_a_problem(self):
        def fail():
            raise TimeoutError("no answer")

        assert dask_worker(fail).found == "no worker process starts: TimeoutError: no answer"

    def test_one_in_this_process_is_none(self):
        assert dask_worker(os.getpid).level == "problem"


@pytest.mark.parametrize("error", [ImportError, OSError, RuntimeError, AttributeError, SyntaxError, KeyError, AssertionError])
def test_a_probe_that_breaks_is_a_problem_with_its_reason(error):
    def probe():
        raise error("libbroken.so: cannot open\nmore")

    verdict = run_check("planted", probe).verdict
    assert verdict.level == "problem"
    assert verdict.found.startswith(error.__name__)
    assert "libbroken.so" in verdict.found


def test_one_broken_check_does_not_end_the_others(monkeypatch):
    def broken():
        raise ImportError("torch")

    planted = [("first", broken), ("second", lambda: Verdict("ok", "fine"))]
    monkeypatch.setattr("cartopath.cli.doctor.examination.probes", lambda folder: planted)
    seen = []
    checks = examine(Path(), seen.append)
    assert [check.verdict.level for check in checks] == ["problem", "ok"]
    assert seen == ["first", "second"]
