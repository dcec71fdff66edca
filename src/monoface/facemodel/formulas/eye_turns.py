"""Eyeballs that turn: as they do, and as the linear offsets that files and their players know."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from monoface.core.arrays import Array, cast, namespace
from monoface.facemodel.data import EyeJoint
from monoface.geometry.rotations import matrix_from_axis_angle


def with_turned_eyes(
    verts: Float[Array, "batch verts 3"],
    eyes: Sequence[EyeJoint],
    expression: Float[Array, "batch expressions"],
) -> Float[Array, "batch verts 3"]:
    """Vertices with each eyeball turned about its centre, by the sum of what expressions turn it by."""
    if not eyes:
        return verts
    xp = namespace(verts)
    gaze_rad = xp.stack([cast(eye.gaze_rad, expression) for eye in eyes])
    turns = matrix_from_axis_angle(expression @ gaze_rad)
    for eye, turn in zip(eyes, turns, strict=True):
        centre = _centre(eye, verts)
        ball = verts[:, eye.ball_index]
        verts = changed_verts(verts, eye.ball_index, (ball - centre) @ turn.mT + centre)
    return verts


def turn_chords(
    eye: EyeJoint, verts: Float[Array, "batch verts 3"]
) -> Float[Array, "batch expressions ball 3"]:
    """Ways of an eyeball's vertices, straight, to where each expression at weight 1 turns them.

    A player of morph targets moves vertices by these. At weight 1 the ball is turned by the angle of
    `EyeJoint.gaze_rad`; at a weight between, the iris looks where the same part of that angle leads to
    (exactly at 0.5, within 0.12 degrees for turns of half a radian), on a ball that is smaller by the
    sagitta: by 3 % at 0.5. So no eyeball comes nearer to a lid on the way than at its ends.

    Args:
        eye: The eyeball.
        verts: Vertices with the eyeball not turned.
    """
    turns = matrix_from_axis_angle(cast(eye.gaze_rad, verts))
    out = verts[:, eye.ball_index] - _centre(eye, verts)
    return namespace(verts).einsum("eij,bvj->bevi", turns, out) - out[:, None]


def _centre(eye: EyeJoint, verts: Float[Array, "batch verts 3"]) -> Float[Array, "batch 1 3"]:
    """Where an eyeball turns about."""
    weight = cast(eye.centre[eye.centre_index], verts)[:, None]
    return (weight * verts[:, eye.centre_index]).sum(1)[:, None]


def changed_verts(
    verts: Float[Array, "batch verts 3"], index: Int[Array, " few"], places: Float[Array, "batch few 3"]
) -> Float[Array, "batch verts 3"]:
    """Vertices of which a few, each named once, are elsewhere."""
    if not isinstance(verts, np.ndarray):
        return verts.index_copy(1, index.to(verts.device), places)
    changed = verts.copy()
    changed[:, index] = places
    return changed
