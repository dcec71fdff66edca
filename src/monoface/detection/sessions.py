"""Running the shipped ONNX networks."""

import math

import numpy as np
import onnxruntime
from jaxtyping import Float

from monoface.core.assets import asset_path
from monoface.core.errors import ConfigError


def open_session(filename: str, threads: int) -> onnxruntime.InferenceSession:
    """Open a shipped network on the CPU.

    The threads do not spin between calls, so that a waiting session leaves the cores to others. Sessions do
    not survive a fork: a data-loader worker opens its own.

    Args:
        filename: Asset name, such as "facemesh.onnx".
        threads: Threads of one call.

    Raises:
        AssetError: If the file is missing or damaged.
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
    return onnxruntime.InferenceSession(
        asset_path(filename).read_bytes(), options, providers=["CPUExecutionProvider"]
    )


def logit_to_probability(logit: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Logistic function, safe for logits of any size."""
    return 1.0 / (1.0 + np.exp(-np.clip(logit, -80.0, 80.0)))


def probability_to_logit(probability: float) -> float:
    """Inverse of the logistic function, safe at 0 and 1."""
    clipped = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(clipped / (1 - clipped))
