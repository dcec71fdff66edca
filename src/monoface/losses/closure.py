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


_RIGHT_EYE, _LEFT_EYE, _MOUTH = (33, 133), (263, 362), (61, 291)

FACE_MESH_GAPS = GapPairs(
    upper=(160, 159, 158, 387, 386, 385, 81, 13, 311),
    lower=(144, 145, 153, 373, 374, 380, 178, 14, 402),
    corners=(*3 * (_RIGHT_EYE,), *3 * (_LEFT_EYE,), *3 * (_MOUTH,)),
)
"""Lids and inner lips among the points of the face-mesh network: right eye, left eye, mouth.

The 68 points have lids too. On the shipped model their rows, found on YTF, lie a few millimetres aside (its
annotations do), which is too much for what an eye is open.
"""

IBUG68_GAPS = GapPairs(
    upper=(37, 38, 43, 44, 61, 62, 63),
    lower=(41, 40, 47, 46, 67, 66, 65),
    corners=(*2 * ((36, 39),), *2 * ((42, 45),), *3 * ((60, 64),)),
)
"""Lids and inner lips among the 68 points: right eye, left eye, mouth."""


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


def openings(
    upper: Float[Tensor, "batch pairs 2"],
    lower: Float[Tensor, "batch pairs 2"],
    down: Float[Tensor, "batch 2"],
) -> Float[Tensor, "batch pairs"]:
    """How far lower points lie below upper ones: negative where lids or lips overlap.

    Args:
        upper: Points of upper lids and lips in the picture.
        lower: Their counterparts.
        down: Unit vectors from the face's forehead to its chin, in the picture.
    """
    return ((lower - upper) * down[:, None]).sum(dim=-1)
