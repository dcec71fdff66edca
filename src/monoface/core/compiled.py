"""How numba kernels are compiled here: serial, without the interpreter lock, kept between processes."""

from collections.abc import Callable
from typing import Any

import numba
from numpy.typing import NDArray

Array = NDArray[Any]
"""Any array of a kernel, whose argument types numba finds out by itself."""


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function on its first call, without the interpreter lock, and keeps the machine code.

    numba stores it beside the source or, where that is read-only, under the user's cache directory.
    Where neither can be written it refuses; then each process compiles anew.
    """
    try:
        compiled: Callable[..., Any] = numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
    return compiled


def subroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function that only kernels of the same file call, as a part of each of them."""
    without_wrappers: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiled: Callable[..., Any] = numba.njit(nogil=True, error_model="numpy", **without_wrappers)(function)
    return compiled
