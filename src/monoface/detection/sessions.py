"""Running the shipped ONNX networks."""

import math

import numpy as np
from jaxtyping import Float

from monoface.core import sessions
from monoface.core.assets import asset_path


def open_session(filename: str, threads: int) -> sessions.Session:
    """Open a shipped network on the CPU; see `core.sessions.open_session`.

    Args:
        filename: Asset name, such as "facemesh.onnx".
        threads: Threads of one call.

    Raises:
        AssetError: If the file is missing or damaged.
        ConfigError: If `threads` is not positive.
    """
    path = asset_path(filename)
    return sessions.open_session(path.read_bytes, threads)


def logit_to_probability(logit: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Logistic function, safe for logits of any size."""
    return 1.0 / (1.0 + np.exp(-np.clip(logit, -80.0, 80.0)))


def probability_to_logit(probability: float) -> float:
    """Inverse of the logistic function, safe at 0 and 1."""
    clipped = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(clipped / (1 - clipped))
