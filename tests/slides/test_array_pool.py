"""Memory is used again, but never while somebody still looks at it."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

from cartopath.slides.array_pool import ArrayPool


def test_arrays_are_used_again_only_when_nobody_holds_them():
    pool = ArrayPool()
    kept = pool.take((4, 8, 8, 3))[1:2, 3:]  # a view of a view
    kept[...] = 7
    other = pool.take((4, 8, 8, 3))
    other[...] = 1
    assert (kept == 7).all()
    assert pool.n_made == 2
    del other
    gc.collect()
    pool.take((8, 4, 3, 8))[...] = 3  # another shape of as many bytes
    assert pool.n_made == 2
    assert (kept == 7).all()


def test_a_tensor_on_an_array_keeps_its_memory():
    torch = pytest.importorskip("torch")
    pool = ArrayPool()
    array = pool.take((2, 8))
    array[...] = 9
    tensor = torch.from_numpy(array)
    del array
    gc.collect()
    pool.take((2, 8))[...] = 0
    assert (tensor == 9).all()


def test_no_more_is_kept_than_allowed_and_what_was_used_last_stays():
    pool = ArrayPool(idle_bytes=100)
    arrays = [pool.take((30,)), pool.take((30,)), pool.take((60,))]
    while arrays:
        arrays.pop(0)
    assert pool.n_idle_bytes == 90
    assert pool.n_made == 3
    del arrays
    kept = pool.take((60,)), pool.take((30,))
    assert pool.n_made == 3
    assert len(kept) == 2


def test_threads_never_get_the_same_memory():
    pool, clashes = ArrayPool(), []

    def work(value):
        for _ in range(500):
            array = pool.take((64,))
            array[...] = value
            if not (array == value).all():
                clashes.append(value)

    threads = [threading.Thread(target=work, args=(value,)) for value in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not clashes
    assert pool.n_made <= 6


def test_the_memory_that_was_returned_last_comes_first():
    pool = ArrayPool()
    addresses = set()
    for _ in range(5):
        array = pool.take((16,))
        addresses.add(array.__array_interface__["data"][0])
        del array
    assert len(addresses) == pool.n_made == 1
    assert pool.n_idle_bytes == 16


def test_an_array_is_an_ordinary_one():
    array = ArrayPool().take((2, 3, 4))
    assert array.shape == (2, 3, 4)
    assert array.dtype == np.uint8
    assert array.flags.c_contiguous
    assert array.flags.writeable


@pytest.mark.parametrize("n_bytes", [1, 100, 196_608, 5 << 20])
def test_no_array_starts_where_the_decoder_writes_past_the_cache(n_bytes):
    pool = ArrayPool()
    arrays = [pool.take((n_bytes,)) for _ in range(8)]
    assert all(array.ctypes.data % 16 == 8 for array in arrays)
    assert all(array.nbytes == n_bytes for array in arrays)
