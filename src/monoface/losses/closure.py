"""How far apart lids and lips are: what decides whether an eye or a mouth looks closed.

A lid a pixel off is little against a face, but it is the difference between an open eye and a closed one.
So the gap between an upper and a lower point is compared as such, as a fraction of the eye's or mouth's
width, and where it lies does not matter.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from monoface.losses.landmarks import landmark_distance

# Gaps that differ by less than this fraction of the width pull ever less.
_SMOOTH = 0.02


@dataclass(frozen=True)
class GapPairs:
    """Pairs of landmarks of one set.

    Attributes:
        upper: Points of upper lids and the upper lip.
        lower: Their counterparts.
        corners: For each pair the two corners whose distance is the width.
    """

    upper: tuple[int, ...]
    lower: tuple[int, ...]
    corners: tuple[tuple[int, int], ...]


_EYES_468, _MOUTH_468 = ((33, 133), (263, 362)), (61, 291)
_EYES_68, _MOUTH_68 = ((36, 39), (42, 45)), (48, 54)

GAPS = {
    "facemesh468": GapPairs(
        upper=(160, 159, 158, 387, 386, 385, 81, 13, 311),
        lower=(144, 145, 153, 373, 374, 380, 178, 14, 402),
        corners=(*3 * _EYES_468[:1], *3 * _EYES_468[1:], *3 * (_MOUTH_468,)),
    ),
    "ibug68_contour": GapPairs(
        upper=(37, 38, 43, 44, 61, 62, 63),
        lower=(41, 40, 47, 46, 67, 66, 65),
        corners=(*2 * _EYES_68[:1], *2 * _EYES_68[1:], *3 * (_MOUTH_68,)),
    ),
}
"""Lids and inner lips by landmark set."""


def gaps(points: Float[Tensor, "batch points dims"], pairs: GapPairs) -> Float[Tensor, "batch pairs dims"]:
    """Vectors from lower to upper points."""
    return points[:, list(pairs.upper)] - points[:, list(pairs.lower)]


def gap_widths(points: Float[Tensor, "batch points dims"], pairs: GapPairs) -> Float[Tensor, "batch pairs"]:
    """Width of the eye or mouth that each pair belongs to, in the unit of the points."""
    first, second = zip(*pairs.corners, strict=True)
    return (points[:, list(first)] - points[:, list(second)]).square().sum(dim=-1).sqrt()


def gap_distance(
    predicted: Float[Tensor, "batch pairs dims"],
    true: Float[Tensor, "batch pairs dims"],
    widths: Float[Tensor, "#batch pairs"],
    weights: Float[Tensor, "batch pairs"],
) -> Float[Tensor, " batch"]:
    """Weighted mean distance of gaps as a fraction of the width; zero where no pair has a weight.

    Vectors are compared, not lengths: gaps have a direction, and closed ones none.

    Args:
        predicted: Gaps of the predicted face.
        true: Gaps that it should have; finite.
        widths: Positive; no gradient should reach them, or narrow eyes would be the cheaper ones.
        weights: How much each pair counts.
    """
    scale = widths[..., None]
    return landmark_distance(predicted / scale, true / scale, weights, smooth_px=_SMOOTH)
