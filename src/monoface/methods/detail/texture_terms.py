"""Terms on maps in texture space, one value a sample, in units of what is usual on synthetic heads."""

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.displacement.displacer import Displacement
from monoface.displacement.evidence import ShadingMaps
from monoface.losses.smoothness import masked_mean
from monoface.methods.detail.looks import Look

# Of the seen skin of synthetic heads: root mean square height, mean size of heights, of slopes and of paint.
_HEIGHT_MM = 0.14
_MEAN_HEIGHT_MM = 0.04
_MEAN_SLOPE = 0.015
_MEAN_PAINT = 0.03
# What the photometric error is there, if nothing is found.
_MEAN_PHOTO = 0.005
# Errors of logarithms of light below this count as squares.
_ROBUST_LOG = 0.1


def photo_term(found: Displacement, shown: ShadingMaps) -> Float[Tensor, " batch"]:
    """Light and albedo are given: only heights, and the residual where there is one, can explain.

    Errors grow linearly beyond a tenth: hair, glasses, highlights.
    """
    error = shown.grey - shown.weight * (shown.explained(found.height_mm) + found.residual)
    return masked_mean(_soft_size(error.square(), _ROBUST_LOG), shown.weight.sign()) / _MEAN_PHOTO


def known_terms(
    found: Displacement, look: Look, texel_mm: Float[Tensor, "2 rows columns"], slope_limit: float
) -> dict[str, Float[Tensor, " batch"]]:
    """Errors of heights, slopes and paint.

    All texels count alike: where a wrinkle is uncertain, less relief is the better guess.

    Args:
        found: What the translator found.
        look: What it saw, and what is known of it.
        texel_mm: Sides of texels along u and v.
        slope_limit: Errors of slopes count as squares below it, and by their size above. The smaller it is,
            the surer a wrinkle must be before some of it is better than none.
    """
    weight = look.shown.weight
    error = found.height_mm - look.height_mm
    by_v, by_u = torch.gradient(error, dim=(-2, -1))
    steepness = (by_u / texel_mm[0]).square() + (by_v / texel_mm[1]).square()
    return {
        "height": masked_mean(error.square(), weight) / _HEIGHT_MM**2,
        "slope": masked_mean(_soft_size(steepness, slope_limit), weight) / _MEAN_SLOPE,
        "paint": masked_mean((found.residual - look.paint).abs(), weight) / _MEAN_PAINT,
    }


def light_term(
    height_mm: Float[Tensor, "batch rows columns"],
    other_mm: Float[Tensor, "batch rows columns"],
    weight: Float[Tensor, "batch rows columns"],
    limit_mm: float,
) -> Float[Tensor, " batch"]:
    """Difference of heights to those found under another light, where both are seen.

    Not over the size of what is found: then it would pay to find something in every face alike.

    Args:
        height_mm: Heights.
        other_mm: Those found under another light.
        weight: Of texels.
        limit_mm: Differences count as squares below it, and by their size above. While nothing is learned yet
            it should be large, for the sizes are least if one relief is found in all faces.
    """
    apart = _soft_size((height_mm - other_mm).square(), limit_mm)
    return masked_mean(apart, weight) / _MEAN_HEIGHT_MM


def again_term(
    first_mm: Float[Tensor, "batch rows columns"],
    again_mm: Float[Tensor, "batch rows columns"],
    added_mm: Float[Tensor, "batch rows columns"],
    weight: Float[Tensor, "batch rows columns"],
) -> Float[Tensor, " batch"]:
    """Square of what two looks at a photo differ by besides the relief that was added to the second."""
    return masked_mean((again_mm - first_mm - added_mm).square(), weight) / _HEIGHT_MM**2


def _soft_size(squared: Tensor, limit: float) -> Tensor:
    """Roots, but squares over twice the limit where they are small."""
    return (squared + limit**2).sqrt() - limit
