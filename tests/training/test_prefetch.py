import threading

import pytest

from cartopath.training.prefetch import prefetched


def threads_of_prefetching():
    return [thread for thread in threading.enumerate() if thread.name == "cartopath-prefetch"]


def test_items_come_in_order():
    assert list(prefetched(range(100), depth=3)) == list(range(100))


def test_nothing_is_read_before_the_first_item_is_asked_for():
    read = []
    items = prefetched(read.append(i) or i for i in range(3))
    assert read == []
    assert next(items) == 0
    items.close()


def test_the_thread_works_ahead_by_no_more_than_the_depth():
    read = []
    full = threading.Event()

    def items():
        for number in range(10):
            read.append(number)
            if number == 3:
                full.set()
            yield number

    ahead = prefetched(items(), depth=2)
    next(ahead)
    assert full.wait(5)  # one taken, two waiting, one in hand
    assert threading.Event().wait(0.15) is False
    assert read == [0, 1, 2, 3]
    ahead.close()


def test_an_error_arrives_after_the_items_before_it():
    def items():
        yield 1
        raise OSError("slide.svs: damaged")

    seen = []
    with pytest.raises(OSError, match=r"slide.svs: damaged"):
        seen.extend(prefetched(items()))
    ahead = prefetched(items())
    assert next(ahead) == 1
    ahead.close()


@pytest.mark.parametrize("n_taken", [1, 5])
def test_leaving_early_ends_the_thread(n_taken):
    items = prefetched(iter(range(1000)))
    for _ in range(n_taken):
        next(items)
    assert threads_of_prefetching()
    items.close()
    assert not threads_of_prefetching()
