"""Rotation matrices from and to six numbers, head angles and axis-angle vectors.

Head angles follow AFLW2000-3D's `Pose_Para` (see `docs/conventions.md`). They describe the head's turn
away from the upright frontal pose, in a frame whose x points right, y up and z out of the picture.
Positive yaw turns the nose to image left, positive pitch turns it up, positive roll tilts the top of
the head to image right.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

HALF_TURN_ABOUT_X = ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))
"""Rotation from the model frame of an upright frontal face to the OpenCV camera frame."""


def matrix_from_6d(values: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation whose first two columns are the Gram-Schmidt basis of two given vectors.

    Undefined, but finite, where a vector is zero or both are parallel.

    Reference:
        Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019.
    """
    first, second = values[..., :3], values[..., 3:]
    x = torch.nn.functional.normalize(first, dim=-1)
    y = second - (x * second).sum(dim=-1, keepdim=True) * x
    y = torch.nn.functional.normalize(y, dim=-1)
    z = torch.linalg.cross(x, y, dim=-1)
    return torch.stack((x, y, z), dim=-1)


def matrix_to_6d(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 6"]:
    """First two columns of a rotation, one after the other: the inverse of `matrix_from_6d`."""
    return torch.cat((matrix[..., 0], matrix[..., 1]), dim=-1)


def head_to_camera(head: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation of `T_camera_model` from the head's turn away from the upright frontal pose."""
    return head.new_tensor(HALF_TURN_ABOUT_X) @ head


def camera_to_head(rotation: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Head's turn away from the upright frontal pose, from the rotation of `T_camera_model`."""
    return rotation.new_tensor(HALF_TURN_ABOUT_X) @ rotation


def matrix_from_axis_angle(vector_rad: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation about the vector's direction by its length in radians; the zero vector gives identity.

    Differentiable everywhere, at zero too.
    """
    squared = vector_rad.square().sum(dim=-1)
    small = squared < 1e-8
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    sine = torch.where(small, 1 - squared / 6, angle.sin() / angle)
    cosine = torch.where(small, 0.5 - squared / 24, (1 - angle.cos()) / angle.square())
    cross = cross_matrix(vector_rad)
    identity = torch.eye(3, dtype=vector_rad.dtype, device=vector_rad.device)
    return identity + sine[..., None, None] * cross + cosine[..., None, None] * (cross @ cross)


def cross_matrix(vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Skew-symmetric matrix whose product with w is the cross product of `vector` and w."""
    x, y, z = vector.unbind(dim=-1)
    zero = torch.zeros_like(x)
    return torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), dim=-1).unflatten(-1, (3, 3))


def head_matrix_from_angles(
    yaw_rad: Float[Tensor, "*batch"],
    pitch_rad: Float[Tensor, "*batch"],
    roll_rad: Float[Tensor, "*batch"],
) -> Float[Tensor, "*batch 3 3"]:
    """Head rotation from AFLW2000-3D's angles.

    `Pose_Para` holds (pitch, yaw, roll, …) of a matrix R_x(pitch) R_y(yaw) R_z(roll) of *transposed*
    elementary rotations, applied to points whose x is right, y up and z towards the viewer.
    """
    (sx, cx), (sy, cy), (sz, cz) = ((a.sin(), a.cos()) for a in (pitch_rad, yaw_rad, roll_rad))
    one, zero = torch.ones_like(sx), torch.zeros_like(sx)
    about_x = _stack_rows((one, zero, zero), (zero, cx, sx), (zero, -sx, cx))
    about_y = _stack_rows((cy, zero, -sy), (zero, one, zero), (sy, zero, cy))
    about_z = _stack_rows((cz, sz, zero), (-sz, cz, zero), (zero, zero, one))
    return about_x @ about_y @ about_z


def head_angles_from_matrix(
    head: Float[Tensor, "*batch 3 3"],
) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
    """Yaw, pitch and roll in radians of a head rotation: the inverse of `head_matrix_from_angles`.

    Yaw lies within ±90 degrees. At exactly ±90 degrees only the sum or difference of pitch and roll
    is defined; the result is then one of the valid pairs, without a useful gradient.
    """
    limit = 1 - 1e-7
    yaw = torch.asin((-head[..., 0, 2]).clamp(-limit, limit))
    pitch = torch.atan2(head[..., 1, 2], head[..., 2, 2])
    roll = torch.atan2(head[..., 0, 1], head[..., 0, 0])
    return yaw, pitch, roll


def angle_between(
    first: Float[Tensor, "*batch 3 3"], second: Float[Tensor, "*batch 3 3"]
) -> Float[Tensor, "*batch"]:
    """Angle in radians of the rotation that leads from one matrix to the other; 0 for equal ones."""
    relative = first.transpose(-1, -2) @ second
    trace = relative.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
    skew = torch.stack(
        (
            relative[..., 2, 1] - relative[..., 1, 2],
            relative[..., 0, 2] - relative[..., 2, 0],
            relative[..., 1, 0] - relative[..., 0, 1],
        ),
        dim=-1,
    )
    return torch.atan2(skew.norm(dim=-1), trace - 1)


def turn_between(
    first: Float[Tensor, "*batch 3"], second: Float[Tensor, "*batch 3"]
) -> Float[Tensor, "*batch 3 3"]:
    """Smallest rotation that takes one unit vector to another; undefined for opposite ones."""
    cross = cross_matrix(torch.linalg.cross(first, second))
    cosine = (first * second).sum(dim=-1)[..., None, None]
    identity = torch.eye(3, dtype=first.dtype, device=first.device)
    return identity + cross + cross @ cross / (1 + cosine)


def degrees(angle_rad: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """Degrees of an angle in radians."""
    return angle_rad * (180 / math.pi)


def _stack_rows(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
