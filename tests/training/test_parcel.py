"""What is sent to processes that are started arrives whole; where one cannot start, that is an error and no endless wait."""

import subprocess
import sys
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.multiprocessing.spawn import start_processes

from cartopath.core.errors import TrainingError
from cartopath.training.parcel import Parcel


def answer(rank, parcel):
    values, tensor, function, replies = parcel.opened()
    tensor += 1  # shared: the process that started this one sees it
    replies.send((rank, int(values.sum()), float(function(tensor))))


def test_arrays_tensors_functions_and_pipes_arrive(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where the process finds `answer`
    replies, reply = torch.multiprocessing.get_context("spawn").Pipe(duplex=False)
    tensor = torch.zeros(5)
    parcel = Parcel((np.arange(100_000), tensor, torch.sum, reply))
    assert start_processes(answer, args=(parcel,), nprocs=1, join=False).join()
    assert replies.recv() == (0, 4_999_950_000, 5.0)
    assert torch.equal(tensor, torch.ones(5))


def test_a_function_without_a_name_is_refused_with_advice():
    with pytest.raises(TrainingError, match="such as a style, must be found by name in a module"):
        ForkingPickler.dumps(Parcel({"style": lambda tile: tile}))


@pytest.mark.slow
def test_a_program_that_processes_cannot_import_ends_with_advice(tmp_path):
    # Read from standard input, it has no file that the processes could import; what they are sent is larger than a pipe holds.
    program = f"""
from tests.training.conftest import NETWORK, planted_examples
from cartopath.training import TrainingSpec, train_classifier
from pathlib import Path
sets = [planted_examples(Path({str(tmp_path)!r}), n_slides=2, n_tiles=2000, prefix=name) for name in ("train", "validation")]
train_classifier(*sets, NETWORK, TrainingSpec(devices=2, accelerator="cpu"), work_dir={str(tmp_path / "work")!r})
"""
    ended = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 1
    assert 'a file that does so under `if __name__ == "__main__":`; or use one device' in ended.stderr
