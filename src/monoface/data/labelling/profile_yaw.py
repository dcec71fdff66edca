"""Correct the yaw of faces that were fitted to the visible half of a profile.

Points of one half of a face say little about its yaw: a narrower face, less turned, projects alike. So
such fits come out turned too little, by 2 to 4 degrees beyond 45 degrees of yaw where points of known
faces are hidden on purpose (AFLW2000-3D's development photos), and a network trained on them by more.
"""

import dataclasses
import math

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.facemodel import CoefficientLayout, PointBasis
from monoface.facemodel.fitting import LandmarkFit
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix, matrix_from_axis_angle

_FROM_DEG, _FULL_DEG, _LARGEST_DEG = 35.0, 50.0, 92.0


def turn_profiles_further(
    fit: LandmarkFit,
    basis: PointBasis,
    points_px: Float[Tensor, "batch points 2"],
    extra_deg: float,
    size_px: int,
) -> LandmarkFit:
    """The fits with their heads turned further aside, and scale and place fitted to the points again.

    Args:
        fit: Fits to visible points.
        basis: The face model at the points.
        points_px: The points; NaN where there is none. Two must be known.
        extra_deg: Added yaw in degrees: all of it from 50 degrees on, nothing below 35, never past 92.
        size_px: Side of the square picture, to which `output` refers.
    """
    yaw, _, _ = head_angles_from_matrix(camera_to_head(fit.coefficients.rotation))
    yaw_deg = torch.rad2deg(yaw)
    amount = ((yaw_deg.abs() - _FROM_DEG) / (_FULL_DEG - _FROM_DEG)).clamp(0, 1) * extra_deg
    amount = torch.minimum(amount, (_LARGEST_DEG - yaw_deg.abs()).clamp_min(0))
    zero = torch.zeros_like(amount)
    # A turn about the head's own vertical axis moves the nose to its left, which is negative yaw.
    about_head = torch.stack((zero, -amount * yaw_deg.sign() * (math.pi / 180), zero), dim=-1)
    rotation = fit.coefficients.rotation @ matrix_from_axis_angle(about_head)

    points_mm = basis(fit.coefficients.identity, fit.coefficients.expression) @ rotation.mT
    scale, origin_px = _scale_and_origin(points_mm[..., :2], points_px)
    principal = torch.full_like(origin_px, size_px / 2)
    depth = fit.coefficients.translation_mm[:, 2:]
    coefficients = dataclasses.replace(
        fit.coefficients,
        rotation=rotation,
        translation_mm=torch.cat(((origin_px - principal) / scale[:, None], depth), dim=-1),
    )
    camera = WeakPerspectiveCamera(scale, principal)
    layout = CoefficientLayout.of(basis)
    output = layout.encode(coefficients, camera, size_px)
    return LandmarkFit(coefficients, camera, output, fit.error_percent, layout)


def _scale_and_origin(points_mm: Tensor, points_px: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and shift that bring points on to others with the least squared distance."""
    valid = points_px.isfinite().all(dim=-1)
    target = torch.where(valid[..., None], points_px, 0.0)
    share = (valid / valid.sum(dim=-1, keepdim=True).clamp_min(1))[..., None]
    mean_mm = (share * points_mm).sum(dim=1, keepdim=True)
    mean_px = (share * target).sum(dim=1, keepdim=True)
    product = (share * (points_mm - mean_mm) * (target - mean_px)).sum(dim=(1, 2))
    scale = product / (share * (points_mm - mean_mm).square()).sum(dim=(1, 2)).clamp_min(1e-6)
    scale = scale.clamp_min(1e-4)
    return scale, (mean_px - scale[:, None, None] * mean_mm)[:, 0]
