"""How surprising marked points are, given where they were expected and how surely."""

import math

from jaxtyping import Float
from torch import Tensor

# No point is expected more closely than this, or a single one would outweigh all others.
_LEAST_DEVIATION = 0.002
_SMOOTH = 0.001


def point_surprise(
    found: Float[Tensor, "batch points 2"],
    log_deviation: Float[Tensor, "batch points"],
    marked: Float[Tensor, "batch points 2"],
    weights: Float[Tensor, "batch points"],
) -> Float[Tensor, " batch"]:
    """Weighted mean of the negative log likelihood of marks, up to a constant.

    The density falls exponentially with the distance in the plane, at the same rate in all directions, so
    that a mark far off counts linearly. Its standard deviation along each axis is the square root of 3
    lengths of that fall. A sample whose weights are all zero has no surprise, and no gradient.

    Args:
        found: Where points are expected, in parts of a crop's side.
        log_deviation: Logarithm of the standard deviation along each axis, in the same unit.
        marked: Where they were marked; finite, even where the weight is zero.
        weights: How much each counts.
    """
    deviation = log_deviation.clamp_min(math.log(_LEAST_DEVIATION))
    distance = ((found - marked).square().sum(dim=-1) + _SMOOTH**2).sqrt() - _SMOOTH
    surprise = math.sqrt(3) * distance * (-deviation).exp() + 2 * deviation
    return (weights * surprise).sum(dim=-1) / weights.sum(dim=-1).clamp_min(1e-8)
