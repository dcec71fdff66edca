"""ONNX Runtime sessions on the CPU, with threads that leave the cores to others between calls."""

import onnxruntime

from monoface.core.errors import ConfigError


def open_session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    """Open a serialised ONNX model on the CPU.

    The threads do not spin between calls, so that a waiting session leaves the cores to others. Sessions do
    not survive a fork: a data-loader worker opens its own.

    Args:
        model: The serialised model.
        threads: Threads of one call.

    Raises:
        ConfigError: If `threads` is not positive.
    """
    if threads < 1:
        raise ConfigError(f"threads: expected a positive number, got {threads}.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Level 3 silences notes about float16 weights that were folded to float32.
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
