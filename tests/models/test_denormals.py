import numpy as np
import pytest
import torch

from cartopath.models import flushed_denormals
from cartopath.models.denormals import denormals_are_flushed

SMALL = np.float32(1e-40)


def test_denormal_numbers_are_zero_within_the_block_only():
    with flushed_denormals():
        assert (torch.tensor([SMALL]) * 0.5).item() == 0.0
        assert denormals_are_flushed()
    assert (torch.tensor([SMALL]) * 0.5).item() != 0.0
    assert not denormals_are_flushed()


def test_they_are_restored_after_an_error():
    with pytest.raises(KeyError), flushed_denormals():
        raise KeyError
    assert not denormals_are_flushed()


def test_a_block_within_a_block_changes_nothing():
    with flushed_denormals():
        with flushed_denormals():
            pass
        assert denormals_are_flushed()
