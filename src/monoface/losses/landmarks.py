"""How far projected points are from where they should be."""

from jaxtyping import Float
from torch import Tensor


def landmark_distance(
    projected_px: Float[Tensor, "batch landmarks dims"],
    target_px: Float[Tensor, "batch landmarks dims"],
    weights: Float[Tensor, "batch landmarks"],
    smooth_px: float = 0.5,
) -> Float[Tensor, " batch"]:
    """Weighted mean distance of each sample, in pixels.

    Grows like a square below `smooth_px` and linearly above, so that single wrong landmarks pull no
    harder than others. Returns zero, with zero gradient, for a sample whose weights are all zero.
    Targets with zero weight must be finite.
    """
    squared_px = (projected_px - target_px).square().sum(dim=-1)
    distance_px = (squared_px + smooth_px**2).sqrt() - smooth_px
    return (weights * distance_px).sum(dim=-1) / weights.sum(dim=-1).clamp_min(1e-8)
