"""Coefficients weighed by what they do: replace one entry, and measure how far the posed points move.

For coefficients that act linearly the movement has a closed form. Points `L x + t` that change by `D x`
move by `|D x|`, and summed over all points the square of that is `trace(D M D^T)`, with the second moments
`M = sum x x^T` of the points or of a mode's offsets. So no entry needs a decoding of its own.

Reference:
    Tu et al., "3D Face Reconstruction from a Single Image Assisted by 2D Face Images in the Wild", IEEE
    Transactions on Multimedia 23, 2021 (2DASL); Zhu et al., "Face Alignment in Full Pose Range: A 3D Total
    Solution", TPAMI 2019 (3DDFA).
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.facemodel import CoefficientLayout, PointBasis
from monoface.geometry.rotations import head_to_camera, matrix_from_6d

Normaliser = Literal["max", "sum"]

# What 3DDFA adds to all weights, so that equal vectors have weights too.
_FLOOR = 1e-6


def second_moments(offsets: Float[Tensor, "*batch points 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Sum of the outer products of points, or of a mode's offsets, with themselves."""
    return offsets.mT @ offsets


def movement(
    change: Float[Tensor, "*#batch rows 3"], moments: Float[Tensor, "*#batch 3 3"]
) -> Float[Tensor, "*batch"]:
    """Root of the summed squared movement of points with given second moments under a linear map."""
    squared = ((change @ moments) * change).sum(dim=(-1, -2))
    return squared.clamp_min(0).sqrt()


def output_displacements(
    layout: CoefficientLayout,
    basis: PointBasis,
    predicted: Float[Tensor, "batch outputs"],
    true: Float[Tensor, "batch outputs"],
    size_px: int,
    *,
    depth: bool = True,
) -> Float[Tensor, "batch outputs"]:
    """How far the posed points of the true faces move when one output at a time is the predicted one.

    Args:
        layout: What the outputs mean.
        basis: The face model at the points.
        predicted: Where replaced entries come from.
        true: Everything else.
        size_px: Side of the crop.
        depth: Whether movement along the viewing axis counts, in the scale of the picture.

    Returns:
        The root of the summed squared movement in pixels. Expression weights are clamped before they are
        replaced, as they are when they are decoded.
    """
    rows = 3 if depth else 2
    coefficients, camera = layout.decode_weak(true, size_px)
    scale = camera.scale_px_per_mm
    difference = _decoded_difference(layout, predicted, true)
    identity, expression, _, _, shift = layout.split(difference)

    pose = scale[:, None, None] * coefficients.rotation[:, :rows]
    by_identity = basis.identity_basis_for(coefficients.expression)
    by_expression = basis.expression_basis_for(coefficients.identity)
    modes = second_moments(torch.cat((by_identity, by_expression), dim=1))
    by_mode = movement(pose[:, None], modes) * torch.cat((identity, expression), dim=-1).abs()

    points = second_moments(basis(coefficients.identity, coefficients.expression))
    turned = _replaced_rotations(layout, predicted, true) - coefficients.rotation[:, None]
    by_rotation = movement(scale[:, None, None, None] * turned[..., :rows, :], points[:, None])
    other_scale = layout.split(predicted)[3].exp() * (layout.SCALE_PER_SIZE * size_px)
    by_scale = movement((other_scale - scale)[:, None, None] * coefficients.rotation[:, :rows], points)
    by_shift = shift.abs() * (layout.SHIFT_PER_SIZE * size_px * len(basis.mean_mm) ** 0.5)
    return torch.cat((by_mode, by_rotation, by_scale[:, None], by_shift), dim=-1)


def weighted_squares(
    predicted: Float[Tensor, "batch coeffs"],
    true: Float[Tensor, "batch coeffs"],
    displacements: Float[Tensor, "batch coeffs"],
    normaliser: Normaliser = "max",
) -> Float[Tensor, " batch"]:
    """Mean over coefficients of squared differences, weighed by displacements.

    Args:
        predicted: Coefficients; only these get a gradient.
        true: What they should be.
        displacements: What the replacement of each one does.
        normaliser: What each sample's weights are divided by: the largest one, as 3DDFA's code does, or
            their sum, which is how the paper can be read.
    """
    weights = displacements.detach() + _FLOOR
    total = weights.amax(dim=-1, keepdim=True) if normaliser == "max" else weights.sum(dim=-1, keepdim=True)
    return (weights / total * (predicted - true).square()).mean(dim=-1)


def _decoded_difference(layout: CoefficientLayout, predicted: Tensor, true: Tensor) -> Tensor:
    """Difference of outputs, expression weights as they act."""
    if not layout.bounded:
        return predicted - true
    bounded = slice(layout.identity, layout.identity + layout.expression)
    inside = (predicted[:, bounded].clamp(0, 1) - true[:, bounded].clamp(0, 1),)
    return torch.cat(
        (
            predicted[:, : bounded.start] - true[:, : bounded.start],
            *inside,
            predicted[:, bounded.stop :] - true[:, bounded.stop :],
        ),
        dim=-1,
    )


def _replaced_rotations(layout: CoefficientLayout, predicted: Tensor, true: Tensor) -> Tensor:
    """True rotations with one of their six numbers replaced at a time: (batch, 6, 3, 3)."""
    upright = true.new_tensor((1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    found, known = layout.split(predicted)[2] + upright, layout.split(true)[2] + upright
    one = torch.eye(6, dtype=torch.bool, device=true.device)
    return head_to_camera(matrix_from_6d(torch.where(one, found[:, None], known[:, None])))
