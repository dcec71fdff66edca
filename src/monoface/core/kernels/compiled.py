"""How numba kernels are compiled here: serial, without the interpreter lock, kept between processes."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
from numpy.typing import NDArray

Array = NDArray[Any]
"""Any array of a kernel, whose argument types numba finds out by itself."""

# Nobody calls our functions from C, and the entry points for that take a tenth of the time to compile.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function on its first call, without the interpreter lock, and keeps the machine code.

    It is kept in the user's cache directory (or in `NUMBA_CACHE_DIR`, if that is set), where an installation
    that nobody may write to, or that ceases to be writable, finds it too. Where that is not writable, it is
    kept beside the source; where neither is, each process compiles anew.
    """
    try:
        with _kept_for_the_user():
            compiled: Callable[..., Any] = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        compiled = numba.njit(**_OPTIONS)(function)
    return compiled


def subroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function that only kernels of the same file call, as a part of each of them."""
    options = _OPTIONS | {"no_cpython_wrapper": True}
    compiled: Callable[..., Any] = numba.njit(**options)(function)
    return compiled


@contextmanager
def _kept_for_the_user() -> Iterator[None]:
    """Makes numba look for a kernel's machine code in the user's cache directory, while it is decorated."""
    config: Any = numba.config
    chosen = config.CACHE_DIR
    config.CACHE_DIR = chosen or _user_cache()
    try:
        yield
    finally:
        config.CACHE_DIR = chosen


def _user_cache() -> str:
    """Folder for what can be made again; empty, which numba takes as none, if the user has no home."""
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return ""
    return str(base / "monoface" / "kernels")
