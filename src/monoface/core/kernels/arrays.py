"""Memory for the results of compiled kernels, used again when nobody holds the results any more.

Memory that is new to the process costs: the system clears it, page by page, when it is first written to.
Whether the C library keeps what was freed or gives it back depends on what a program allocated before; in
some programs each picture paid for new pages, which took longer than drawing it. So we keep some ourselves.
"""

import os
import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Block = NDArray[np.uint8]

_SMALLEST_KEPT_BYTES = 1 << 15
_MOST_KEPT_BYTES = 1 << 28
"""Of memory that nobody uses at the moment: two batches of 64 pictures of 224 pixels need less."""

_STEPS = 8
"""Sizes kept between a power of two and the next."""


def new_array(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An uninitialised array. Its views do not keep its memory: whoever hands them out must hold it, too.

    numpy allocates it, which asks for huge pages where Linux gives them on request only; PyTorch does not:
    new memory then costs a fifth (measured: 11 instead of 52 ms for 100 MB).
    """
    kind = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    if not _SMALLEST_KEPT_BYTES <= size <= _MOST_KEPT_BYTES:
        return np.empty(shape, kind)
    block = _shelf.take(_rounded_up(size))
    view = block[:size].view(kind).reshape(shape)
    weakref.finalize(view, _shelf.put, block).atexit = False
    return view


def _rounded_up(size: int) -> int:
    step = max(1, (1 << (size - 1).bit_length() >> 1) // _STEPS)
    return -(-size // step) * step


class _Shelf:
    """Blocks of bytes that nobody uses, oldest first.

    Blocks come back whenever an array is released, which may be in the middle of any operation of ours, on
    any thread. So nothing here waits for the lock: who does not get it takes new memory, or lets go of old.
    """

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._kept_bytes = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> Block:
        """A block of that size: the one that was used last, which the caches may still hold, or a new one."""
        if self._lock.acquire(blocking=False):
            try:
                for place in reversed(range(len(self._blocks))):
                    if len(self._blocks[place]) == size:
                        self._kept_bytes -= size
                        return self._blocks.pop(place)
            finally:
                self._lock.release()
        return np.empty(size, np.uint8)

    def put(self, block: Block) -> None:
        """Keeps a block for later, and lets go of the oldest ones that are too much."""
        if self._lock.acquire(blocking=False):
            try:
                self._blocks.append(block)
                self._kept_bytes += len(block)
                while self._kept_bytes > _MOST_KEPT_BYTES:
                    self._kept_bytes -= len(self._blocks.pop(0))
            finally:
                self._lock.release()


_shelf = _Shelf()


def _forget_shelf() -> None:
    """Forgets the parent's blocks in a forked child, to which writing would copy them, and its lock."""
    global _shelf
    _shelf = _Shelf()


# Windows does not fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_shelf)
