"""Do two looks at the same face agree? Distances of points, squared as 2DASL has them."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def landmark_consistency(
    first_px: Float[Tensor, "batch landmarks 2"],
    second_px: Float[Tensor, "batch landmarks 2"],
    weights: Float[Tensor, " landmarks"],
    seen: Bool[Tensor, "batch landmarks"],
) -> Float[Tensor, " batch"]:
    """Weighted mean of squared distances over the landmarks that are seen, in square pixels.

    Returns zero, with zero gradient, for a sample of which nothing is seen. What is not seen may be NaN.
    """
    first_px = torch.where(seen[..., None], first_px, 0.0)
    second_px = torch.where(seen[..., None], second_px, 0.0)
    counted = weights * seen
    squared_px = (first_px - second_px).square().sum(dim=-1)
    return (counted * squared_px).sum(dim=-1) / counted.sum(dim=-1).clamp_min(1e-8)


def vertex_distance(
    first: Float[Tensor, "batch points dims"], second: Float[Tensor, "batch points dims"]
) -> Float[Tensor, " batch"]:
    """Mean squared distance of corresponding points, in the square of their unit."""
    return (first - second).square().sum(dim=-1).mean(dim=-1)
