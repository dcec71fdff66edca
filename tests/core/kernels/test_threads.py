import threading

import pytest
import torch

from monoface.core.kernels.threads import band_limits, count_bands, run_for_each


@pytest.fixture
def two_threads():
    """Runs a test with two threads, as a program would."""
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def test_every_item_is_worked_on_once(two_threads):
    seen = []
    run_for_each(seen.append, range(100))
    assert sorted(seen) == list(range(100))


def test_two_threads_work_at_once(two_threads):
    both_here = threading.Barrier(2, timeout=30)
    run_for_each(lambda _: both_here.wait(), range(2))


def test_an_error_reaches_the_caller(two_threads):
    def fail(item):
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item"):
        run_for_each(fail, range(4))


@pytest.mark.parametrize(("batch", "bands"), [(0, 2), (1, 2), (2, 1), (8, 1)])
def test_bands_give_each_thread_work(two_threads, batch, bands):
    assert count_bands(batch) == bands


def test_bands_cover_all_rows():
    assert band_limits(7, 3) == [(0, 2), (2, 4), (4, 7)]
