"""Losses on coefficients and on what they are usually like."""

import torch
from jaxtyping import Float
from torch import Tensor


def mean_squared(
    predicted: Float[Tensor, "batch coeffs"], target: Float[Tensor, "batch coeffs"]
) -> Float[Tensor, " batch"]:
    """Mean squared difference of each sample."""
    return (predicted - target).square().mean(dim=-1)


def mean_robust(
    predicted: Float[Tensor, "batch coeffs"], target: Float[Tensor, "batch coeffs"], turn: float
) -> Float[Tensor, " batch"]:
    """Mean over coefficients of what is the squared difference well below `turn`, and linear well above."""
    return (2 * turn * (((predicted - target).square() + turn**2).sqrt() - turn)).mean(dim=-1)


def gaussian_prior(coefficients: Float[Tensor, "batch coeffs"]) -> Float[Tensor, " batch"]:
    """Mean square of unit-variance coefficients: about 1 for typical faces, 0 for the mean face."""
    return coefficients.square().mean(dim=-1)


def range_excess(values: Float[Tensor, "batch coeffs"], low: float, high: float) -> Float[Tensor, " batch"]:
    """Mean squared distance of values from a range; zero inside."""
    return (values - values.clamp(low, high)).square().mean(dim=-1)


def rotation_distance(
    predicted: Float[Tensor, "batch 3 3"], target: Float[Tensor, "batch 3 3"]
) -> Float[Tensor, " batch"]:
    """Chordal distance of rotations, scaled so that it is about the angle in radians where small.

    The gradient is zero, not infinite, where both are equal.
    """
    squared = (predicted - target).square().sum(dim=(-1, -2)) / 2
    positive = squared > 1e-12
    return torch.where(positive, torch.where(positive, squared, 1.0).sqrt(), torch.zeros_like(squared))


def expression_prior(
    expression: Float[Tensor, "batch expressions"], *, bounded: bool
) -> Float[Tensor, " batch"]:
    """Mean weight of blendshapes in [0, 1], which are mostly 0; of a Gaussian space, the mean square.

    Args:
        expression: Weights.
        bounded: Whether they lie in [0, 1]. Others have a sign, and their mean would fall without end.
    """
    return (expression if bounded else expression.square()).mean(dim=-1)
