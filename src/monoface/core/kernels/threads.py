"""A thread pool for kernels that release the interpreter lock.

numba's own threads do not survive `fork` (data-loader workers die) and abort the process when two
threads enter one parallel region under its portable layer. So our kernels are serial and run side by
side on this pool, over the pictures of a batch and bands of rows of a picture.
"""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import torch

T = TypeVar("T")

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_pool_size = 0


def run_for_each(work: Callable[[T], None], items: Iterable[T]) -> None:
    """Runs `work` on every item, on as many threads as `torch.get_num_threads()` says.

    The calling thread takes part, so nothing waits for a pool that is busy with other callers, and
    with one thread no pool is made at all. The first exception is raised here.
    """
    remaining = iter(list(items))  # The iterator of a list hands each item to exactly one thread.

    def take_items() -> None:
        for item in remaining:
            work(item)

    helpers = torch.get_num_threads() - 1
    futures = [_get_pool(helpers).submit(take_items) for _ in range(helpers)]
    try:
        take_items()
    finally:
        # What has not started by now would find nothing left to do.
        started = [future for future in futures if not future.cancel()]
        errors = [error for future in started if (error := future.exception()) is not None]
    if errors:
        raise errors[0]


def count_bands(batch: int) -> int:
    """Number of bands of rows to cut each picture of a batch into, so that every thread has work."""
    return max(1, -(-torch.get_num_threads() // max(batch, 1)))


def band_limits(height: int, bands: int) -> list[tuple[int, int]]:
    """First row, and row after the last, of each band."""
    edges = [height * band // bands for band in range(bands + 1)]
    return list(pairwise(edges))


def _get_pool(size: int) -> ThreadPoolExecutor:
    global _pool, _pool_size
    with _lock:
        if _pool is None or _pool_size < size:
            _pool, _pool_size = ThreadPoolExecutor(size, thread_name_prefix="monoface"), size
        return _pool


def _forget_threads() -> None:
    """Forgets the parent's threads, which do not exist in a forked child, and its lock.

    PyTorch's OpenMP threads are as gone, and its next parallel operation would wait for them. So a child
    computes on one thread, as workers of PyTorch's data loaders do.
    """
    global _lock, _pool, _pool_size
    _lock, _pool, _pool_size = threading.Lock(), None, 0
    torch.set_num_threads(1)


# Windows does not fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
