import numpy as np
import pytest
import torch

from cartopath.training.transfer import on_device


@pytest.fixture
def batches():
    return list(np.random.default_rng(0).integers(0, 256, (5, 4, 8, 8, 3), dtype=np.uint8))


def test_on_a_cpu_a_batch_is_taken_without_copying(batches):
    tensors = list(on_device(batches, torch.device("cpu")))
    assert [tensor.data_ptr() for tensor in tensors] == [batch.ctypes.data for batch in batches]


def test_a_batch_that_is_not_contiguous_is_made_so(batches):
    (tensor,) = on_device([batches[0][:, ::2]], torch.device("cpu"))
    assert np.array_equal(tensor.numpy(), batches[0][:, ::2])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_a_gpu_every_batch_arrives_whole_while_it_computes(batches):
    device = torch.device("cuda")
    for tensor, batch in zip(on_device(batches * 50, device), batches * 50, strict=True):
        torch.ones(2000, 2000, device=device) @ torch.ones(2000, 2000, device=device)
        assert np.array_equal((tensor + 0).cpu().numpy(), batch)
