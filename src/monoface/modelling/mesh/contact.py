"""Lips that touch in the neutral face and lids that touch when they are shut.

In the source both leave a slit of a few tenths of a millimetre, which its renderer covers with strips of
extra geometry. Ours would show teeth and eyeballs through it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

# Width of the columns that the slit is measured in, and how far each looks to both sides.
_COLUMN_MM = 0.5
_REACH_MM = 1.5
# The edges overlap by this much afterwards.
_OVERLAP_MM = 0.25
# The shift fades out so far above and below the slit, and behind its front.
_FADE_MM = 5.0
_DEPTH_MM = 14.0
# Slits wider than this are openings.
_WIDEST_MM = 3.0
# What moves more than this belongs to the lower lip, when the jaw opens, or to the upper lid, in a blink.
_LOWER_LIP_MM = 12.0
_UPPER_LID_MM = 3.0


@dataclass(frozen=True)
class Slit:
    """Two edges that should meet.

    Attributes:
        upper: Vertices on and near the upper edge.
        lower: Vertices on and near the lower edge.
        upper_share: Part of the way that the upper edge goes; the lower one goes the rest.
    """

    upper: Bool[np.ndarray, " verts"]
    lower: Bool[np.ndarray, " verts"]
    upper_share: float


def touching_lips(
    mean: Float[np.ndarray, "verts 3"],
    jaw_open: Float[np.ndarray, "verts 3"],
    lips: Bool[np.ndarray, " verts"],
) -> Float[np.ndarray, "verts 3"]:
    """The neutral face with its lips closed; the lower lip is what goes down with the jaw."""
    goes_down = np.linalg.norm(jaw_open, axis=1) > _LOWER_LIP_MM
    return closed(mean, Slit(lips & ~goes_down, lips & goes_down, upper_share=0.5))


def shutting_lids(
    mean: Float[np.ndarray, "verts 3"],
    blink: Float[np.ndarray, "verts 3"],
    lids: Bool[np.ndarray, " verts"],
) -> Float[np.ndarray, "verts 3"]:
    """Offsets of a blink of one eye whose upper lid comes down on the lower one.

    Args:
        mean: The neutral face.
        blink: Offsets of the expression.
        lids: Skin around that eye.
    """
    down = -blink[:, 1]
    return (
        closed(mean + blink, Slit(lids & (down > _UPPER_LID_MM), lids & (down < _UPPER_LID_MM / 2), 1.0))
        - mean
    )


def closed(verts: Float[np.ndarray, "verts 3"], slit: Slit) -> Float[np.ndarray, "verts 3"]:
    """Vertices, in millimetres in the model frame, moved up or down so that a slit is shut from the front.

    Columns that the edges do not both reach are left alone, as are openings.
    """
    rims = verts[slit.upper | slit.lower]
    columns = np.arange(rims[:, 0].min(), rims[:, 0].max() + _COLUMN_MM, _COLUMN_MM)
    upper, lower = verts[slit.upper], verts[slit.lower]
    bottom = np.array([-_highest(upper * (1, -1, 1), x) for x in columns])
    top = np.array([_highest(lower, x) for x in columns])
    gap = np.where((bottom - top > -_OVERLAP_MM) & (bottom - top < _WIDEST_MM), bottom - top + _OVERLAP_MM, 0)
    gap = np.convolve(np.pad(gap, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    middle = np.where(np.isfinite(bottom + top), (bottom + top) / 2, np.median(rims[:, 1]))
    shift = np.interp(verts[:, 0], columns, gap, left=0, right=0)
    distance = verts[:, 1] - np.interp(verts[:, 0], columns, middle)
    fade = np.exp(-((distance / _FADE_MM) ** 2)) * (verts[:, 2] > rims[:, 2].max() - _DEPTH_MM)
    moved = verts.copy()
    moved[:, 1] -= slit.upper * slit.upper_share * shift * fade
    moved[:, 1] += slit.lower * (1 - slit.upper_share) * shift * fade
    return moved


def _highest(edge: np.ndarray, x: float) -> float:
    near = np.abs(edge[:, 0] - x) < _REACH_MM
    return float(edge[near, 1].max()) if near.any() else -np.inf
