"""ONNX Runtime sessions on the CPU, with threads that leave the cores to others between calls."""

import ctypes
import os
import weakref
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnxruntime

from monoface.core.errors import ConfigError
from monoface.core.processes import PerProcess


class Session:
    """An ONNX model on the CPU, which a forked child opens again when it first runs it.

    Args:
        model: Gives the serialised model, in this process at once.
        threads: Threads of one call.
    """

    def __init__(self, model: Callable[[], bytes], threads: int) -> None:
        self._opened = PerProcess(lambda: _open(model(), threads))
        self._opened()

    def run(self, outputs: Sequence[str] | None, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Values of outputs, of all if none are named, for inputs by name."""
        found: list[np.ndarray] = self._opened().run(outputs, feed)
        return found


def open_session(model: bytes | Callable[[], bytes], threads: int) -> Session:
    """Open a serialised ONNX model on the CPU.

    The threads do not spin between calls, so that a waiting session leaves the cores to others.

    Args:
        model: The serialised model, or what gives it: forked children ask again.
        threads: Threads of one call.

    Raises:
        ConfigError: If `threads` is not positive.
    """
    if threads < 1:
        raise ConfigError(f"threads: expected a positive number, got {threads}.")
    return Session(model if callable(model) else lambda: model, threads)


def _open(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    # Nothing of what is done here leaves the machine, whatever the runtime's own default is.
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Level 3 silences notes about float16 weights that were folded to float32.
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    _open_sessions.add(session)
    return session


_open_sessions: weakref.WeakSet[onnxruntime.InferenceSession] = weakref.WeakSet()


def _never_wait_for_threads() -> None:
    """Lets a forked child drop the parent's sessions and leave, though ONNX Runtime's threads are gone.

    To close a session would wait for its threads, so they are kept for ever. What ONNX Runtime does when a
    process exits would wait for a thread that it starts when it is imported (1.29 and later), so a child
    leaves without, as those of `multiprocessing` do, where the C library can be asked for that.
    """
    for session in _open_sessions:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))
    c_library = ctypes.CDLL(None)
    if hasattr(c_library, "on_exit"):
        c_library.on_exit(c_library._exit, None)


# Windows does not fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_never_wait_for_threads)
