"""Rotation matrices from and to six numbers, head angles and axis-angle vectors.

Head angles follow AFLW2000-3D's `Pose_Para` (see `docs/conventions.md`). They describe the head's turn
away from the upright frontal pose, in a frame whose x points right, y up and z out of the picture.
Positive yaw turns the nose to image left, positive pitch turns it up, positive roll tilts the top of
the head to image right.
"""

import math

from jaxtyping import Float

from monoface.core.arrays import Array, constant, namespace, norm, normalized

HALF_TURN_ABOUT_X = ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))
"""Rotation from the model frame of an upright frontal face to the OpenCV camera frame."""

_IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def matrix_from_6d(values: Float[Array, "*batch 6"]) -> Float[Array, "*batch 3 3"]:
    """Rotation whose first two columns are the Gram-Schmidt basis of two given vectors.

    Undefined, but finite, where a vector is zero or both are parallel.

    Reference:
        Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019.
    """
    first, second = values[..., :3], values[..., 3:]
    xp = namespace(values)
    x = normalized(first)
    y = normalized(second - (x * second).sum(-1)[..., None] * x)
    return xp.stack((x, y, xp.linalg.cross(x, y)), -1)


def matrix_to_6d(matrix: Float[Array, "*batch 3 3"]) -> Float[Array, "*batch 6"]:
    """First two columns of a rotation, one after the other: the inverse of `matrix_from_6d`."""
    return namespace(matrix).concat((matrix[..., 0], matrix[..., 1]), -1)


def head_to_camera(head: Float[Array, "*batch 3 3"]) -> Float[Array, "*batch 3 3"]:
    """Rotation of `T_camera_model` from the head's turn away from the upright frontal pose."""
    return constant(HALF_TURN_ABOUT_X, head) @ head


def camera_to_head(rotation: Float[Array, "*batch 3 3"]) -> Float[Array, "*batch 3 3"]:
    """Head's turn away from the upright frontal pose, from the rotation of `T_camera_model`."""
    return constant(HALF_TURN_ABOUT_X, rotation) @ rotation


def matrix_from_axis_angle(vector_rad: Float[Array, "*batch 3"]) -> Float[Array, "*batch 3 3"]:
    """Rotation about the vector's direction by its length in radians; the zero vector gives identity.

    Differentiable everywhere, at zero too.
    """
    xp = namespace(vector_rad)
    squared = xp.square(vector_rad).sum(-1)
    small = squared < 1e-8
    angle = xp.sqrt(xp.where(small, xp.ones_like(squared), squared))
    sine = xp.where(small, 1 - squared / 6, xp.sin(angle) / angle)
    cosine = xp.where(small, 0.5 - squared / 24, (1 - xp.cos(angle)) / xp.square(angle))
    cross = cross_matrix(vector_rad)
    turned = sine[..., None, None] * cross + cosine[..., None, None] * (cross @ cross)
    return constant(_IDENTITY, cross) + turned


def cross_matrix(vector: Float[Array, "*batch 3"]) -> Float[Array, "*batch 3 3"]:
    """Skew-symmetric matrix whose product with w is the cross product of `vector` and w."""
    xp = namespace(vector)
    x, y, z = (vector[..., axis] for axis in range(3))
    zero = xp.zeros_like(x)
    entries = xp.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1)
    return entries.reshape((*vector.shape, 3))


def head_matrix_from_angles(
    yaw_rad: Float[Array, "*batch"],
    pitch_rad: Float[Array, "*batch"],
    roll_rad: Float[Array, "*batch"],
) -> Float[Array, "*batch 3 3"]:
    """Head rotation from AFLW2000-3D's angles.

    `Pose_Para` holds (pitch, yaw, roll, …) of a matrix R_x(pitch) R_y(yaw) R_z(roll) of *transposed*
    elementary rotations, applied to points whose x is right, y up and z towards the viewer.
    """
    xp = namespace(yaw_rad)
    (sx, cx), (sy, cy), (sz, cz) = ((xp.sin(a), xp.cos(a)) for a in (pitch_rad, yaw_rad, roll_rad))
    one, zero = xp.ones_like(sx), xp.zeros_like(sx)
    about_x = _stack_rows((one, zero, zero), (zero, cx, sx), (zero, -sx, cx))
    about_y = _stack_rows((cy, zero, -sy), (zero, one, zero), (sy, zero, cy))
    about_z = _stack_rows((cz, sz, zero), (-sz, cz, zero), (zero, zero, one))
    return about_x @ about_y @ about_z


def head_angles_from_matrix(
    head: Float[Array, "*batch 3 3"],
) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"], Float[Array, "*batch"]]:
    """Yaw, pitch and roll in radians of a head rotation: the inverse of `head_matrix_from_angles`.

    Yaw lies within ±90 degrees. At exactly ±90 degrees only the sum or difference of pitch and roll
    is defined; the result is then one of the valid pairs, without a useful gradient.
    """
    xp, limit = namespace(head), 1 - 1e-7
    yaw = xp.asin(xp.clip(-head[..., 0, 2], -limit, limit))
    pitch = xp.atan2(head[..., 1, 2], head[..., 2, 2])
    roll = xp.atan2(head[..., 0, 1], head[..., 0, 0])
    return yaw, pitch, roll


def angle_between(
    first: Float[Array, "*batch 3 3"], second: Float[Array, "*batch 3 3"]
) -> Float[Array, "*batch"]:
    """Angle in radians of the rotation that leads from one matrix to the other; 0 for equal ones."""
    xp, relative = namespace(first), first.mT @ second
    trace = relative[..., 0, 0] + relative[..., 1, 1] + relative[..., 2, 2]
    skew = xp.stack(
        (
            relative[..., 2, 1] - relative[..., 1, 2],
            relative[..., 0, 2] - relative[..., 2, 0],
            relative[..., 1, 0] - relative[..., 0, 1],
        ),
        -1,
    )
    return xp.atan2(norm(skew), trace - 1)


def turn_between(
    first: Float[Array, "*batch 3"], second: Float[Array, "*batch 3"]
) -> Float[Array, "*batch 3 3"]:
    """Smallest rotation that takes one unit vector to another; undefined for opposite ones."""
    cross = cross_matrix(namespace(first).linalg.cross(first, second))
    cosine = (first * second).sum(-1)[..., None, None]
    return constant(_IDENTITY, cross) + cross + cross @ cross / (1 + cosine)


def degrees(angle_rad: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Degrees of an angle in radians."""
    return angle_rad * (180 / math.pi)


def _stack_rows(*rows: tuple[Array, Array, Array]) -> Array:
    xp = namespace(rows[0][0])
    return xp.stack([xp.stack(row, -1) for row in rows], -2)
