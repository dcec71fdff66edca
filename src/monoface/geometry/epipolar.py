"""Two views of one rigid thing: where a point seen in one of them can lie in the other.

Poses are `T_camera_model` of one model, so the relative pose leads from the target's camera frame to the
source's: X_source = R X_target + t.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera
from monoface.geometry.rotations import cross_matrix

EssentialForm = Literal["exact", "published"]

# Shorter line vectors belong to pairs of views that constrain nothing.
_LEAST_LINE = 1e-6


def relative_pose(
    rotation_source: Float[Tensor, "batch 3 3"],
    translation_source: Float[Tensor, "batch 3"],
    rotation_target: Float[Tensor, "batch 3 3"],
    translation_target: Float[Tensor, "batch 3"],
) -> tuple[Float[Tensor, "batch 3 3"], Float[Tensor, "batch 3"]]:
    """Rotation and translation from the target's camera frame to the source's, of two poses of one model."""
    rotation = rotation_source @ rotation_target.transpose(-1, -2)
    moved = (rotation @ translation_target[..., None])[..., 0]
    return rotation, translation_source - moved


def essential_matrix(
    rotation: Float[Tensor, "batch 3 3"],
    translation: Float[Tensor, "batch 3"],
    form: EssentialForm = "exact",
) -> Float[Tensor, "batch 3 3"]:
    """Matrix E with y^T E x = 0 for a point's directions x from the target and y from the source camera.

    Args:
        rotation: From the target's camera frame to the source's.
        translation: Likewise.
        form: "exact" is [t]x R. "published" is R [t]x, as in MGCNet's code, which is that of the pose
            with the translation R t: perfect correspondences have an error under it.

    Reference:
        Hartley and Zisserman, "Multiple View Geometry in Computer Vision", equation 9.12.
    """
    cross = cross_matrix(translation)
    return cross @ rotation if form == "exact" else rotation @ cross


def fundamental_matrix(
    essential: Float[Tensor, "batch 3 3"],
    intrinsics_target: Float[Tensor, "batch 3 3"],
    intrinsics_source: Float[Tensor, "batch 3 3"],
) -> Float[Tensor, "batch 3 3"]:
    """Matrix F with q^T F p = 0 for corresponding pixels p of the target and q of the source."""
    from_target, from_source = torch.linalg.inv(intrinsics_target), torch.linalg.inv(intrinsics_source)
    return from_source.transpose(-1, -2) @ essential @ from_target


def intrinsic_matrix(camera: PerspectiveCamera) -> Float[Tensor, "batch 3 3"]:
    """The matrix K of a pinhole camera: K X is the homogeneous pixel of X."""
    zero, one = torch.zeros_like(camera.focal_px), torch.ones_like(camera.focal_px)
    x, y = camera.principal_px.unbind(dim=-1)
    rows = (camera.focal_px, zero, x), (zero, camera.focal_px, y), (zero, zero, one)
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def affine_fundamental_matrix(
    rotation: Float[Tensor, "batch 3 3"],
    translation: Float[Tensor, "batch 3"],
    target: WeakPerspectiveCamera,
    source: WeakPerspectiveCamera,
) -> Float[Tensor, "batch 3 3"]:
    """Fundamental matrix of two weak-perspective views, whose epipolar lines are parallel.

    The unknown depth moves a point in the source along the first two rows of the rotation's last column;
    what lies across that direction is known. Zero for views that differ by a turn in the picture only.
    """
    across = torch.stack((-rotation[:, 1, 2], rotation[:, 0, 2]), dim=-1)
    normal = across / source.scale_px_per_mm[:, None]
    from_target = (across[:, None] @ rotation[:, :2, :2])[:, 0] / target.scale_px_per_mm[:, None]
    offset = (across * translation[:, :2]).sum(dim=-1)
    offset = offset - (from_target * target.principal_px).sum(dim=-1) + (normal * source.principal_px).sum(-1)
    zero = torch.zeros_like(offset)
    rows = (
        torch.stack((zero, zero, normal[:, 0]), dim=-1),
        torch.stack((zero, zero, normal[:, 1]), dim=-1),
        torch.cat((-from_target, -offset[:, None]), dim=-1),
    )
    return torch.stack(rows, dim=-2)


def fundamental_between(
    rotation: Float[Tensor, "batch 3 3"],
    translation: Float[Tensor, "batch 3"],
    target: PerspectiveCamera | WeakPerspectiveCamera,
    source: PerspectiveCamera | WeakPerspectiveCamera,
    form: EssentialForm = "exact",
) -> Float[Tensor, "batch 3 3"]:
    """Fundamental matrix of two views by cameras of one kind; `form` concerns pinholes only.

    Raises:
        ValueError: If one camera is a pinhole and the other is not.
    """
    if isinstance(target, PerspectiveCamera) and isinstance(source, PerspectiveCamera):
        essential = essential_matrix(rotation, translation, form)
        return fundamental_matrix(essential, intrinsic_matrix(target), intrinsic_matrix(source))
    if isinstance(target, WeakPerspectiveCamera) and isinstance(source, WeakPerspectiveCamera):
        return affine_fundamental_matrix(rotation, translation, target, source)
    raise ValueError(
        f"cameras: expected two of one kind, got {type(target).__name__} and {type(source).__name__}"
    )


def epipolar_distance(
    target_px: Float[Tensor, "batch points 2"],
    source_px: Float[Tensor, "batch points 2"],
    fundamental: Float[Tensor, "batch 3 3"],
) -> Float[Tensor, "batch points"]:
    """Distance in pixels of source points from the epipolar lines of their target points.

    Where the matrix is zero, since the views constrain nothing, the distance is 0. Near that it is
    lessened, as in the published form, but its gradient grows: such pairs should not be counted.
    """
    lines = _homogeneous(target_px) @ fundamental.transpose(-1, -2)
    offset = (_homogeneous(source_px) * lines).sum(dim=-1)
    length = (lines[..., :2].square().sum(dim=-1) + _LEAST_LINE**2).sqrt()
    return offset.abs() / length


def _homogeneous(points_px: Float[Tensor, "batch points 2"]) -> Float[Tensor, "batch points 3"]:
    return torch.cat((points_px, torch.ones_like(points_px[..., :1])), dim=-1)
