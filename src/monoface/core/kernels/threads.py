"""A thread pool for kernels that release the interpreter lock.

numba's own threads do not survive `fork` (data-loader workers die) and abort the process when two
threads enter one parallel region under its portable layer. So our kernels are serial and run side by
side on this pool, over the pictures of a batch and bands of rows of a picture.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")

_THREADS = "OMP_NUM_THREADS"
_chosen: int | None = None

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_pool_size = 0


def thread_count() -> int:
    """Threads to compute on: as many as PyTorch uses, where it is loaded.

    Else what `use_threads` was told, the environment's `OMP_NUM_THREADS`, or the processors of this process.
    """
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        return int(torch.get_num_threads())
    if _chosen is not None:
        return _chosen
    told = os.environ.get(_THREADS, "").partition(",")[0].strip()
    return int(told) if told.isdecimal() and int(told) else _processors()


def use_threads(count: int) -> None:
    """Compute on so many threads from now on, PyTorch too where it is loaded."""
    global _chosen
    _chosen = count
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):
        torch.set_num_threads(count)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_for_each(work: Callable[[T], None], items: Iterable[T]) -> None:
    """Runs `work` on every item, on as many threads as `thread_count` says.

    The calling thread takes part, so nothing waits for a pool that is busy with other callers, and
    with one thread no pool is made at all. The first exception is raised here.
    """
    remaining = iter(list(items))  # The iterator of a list hands each item to exactly one thread.

    def take_items() -> None:
        for item in remaining:
            work(item)

    helpers = thread_count() - 1
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
    return max(1, -(-thread_count() // max(batch, 1)))


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
    use_threads(1)


# Windows does not fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
