"""Texture layout of the default model: the source's charts, packed symmetrically into one square.

The face has most of the room. Face and head lie across the centre line u = 1/2; all other charts lie on
the side of their half, and their mirror images on the other side.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True)
class Box:
    """A rectangle of the texture, origin top left."""

    left: float
    top: float
    right: float
    bottom: float


# Where the half with x >= 0 goes, the subject's left. The head is unwrapped as seen from behind, so its
# half lies on the other side.
FACE = Box(0.5, 0.005, 0.995, 0.765)
HEAD = Box(0.33, 0.775, 0.5, 0.995)
EYE = Box(0.845, 0.775, 0.995, 0.925)
EYE_SOCKETS = Box(0.845, 0.935, 0.995, 0.995)
UPPER_TEETH = Box(0.68, 0.775, 0.755, 0.885)
LOWER_TEETH = Box(0.765, 0.775, 0.84, 0.885)
GUMS = Box(0.68, 0.895, 0.755, 0.995)
MOUTH = Box(0.765, 0.895, 0.84, 0.995)
CENTRED = (FACE, HEAD)
"""Boxes with an edge on the centre line; vertices of the mirror plane come to lie on it."""
_ON_LINE = 1e-3


def fit_into(
    uv: Float[np.ndarray, "wedges 2"], box: Box, on_plane: Bool[np.ndarray, " wedges"]
) -> Float[np.ndarray, "wedges 2"]:
    """Scale and shift a chart (or several that lie side by side) so that it fills a box.

    A centred box gets the chart with its own mirror line on the centre line, exactly. Other wedges of the
    mirror plane, where a chart goes around the neck, stay apart from it.
    """
    low, high = uv.min(axis=0), uv.max(axis=0)
    if box in CENTRED:
        centre = np.median(uv[on_plane, 0])
        low[0], high[0] = (centre, high[0]) if box.left == 0.5 else (low[0], centre)
    fitted = (uv - low) / (high - low) * (box.right - box.left, box.bottom - box.top) + (box.left, box.top)
    if box in CENTRED:
        fitted[on_plane & (np.abs(fitted[:, 0] - 0.5) < _ON_LINE), 0] = 0.5
    return fitted
