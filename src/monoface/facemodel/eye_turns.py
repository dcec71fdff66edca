"""Eyeballs that turn: as they do, and as the linear offsets that files and their players know."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.facemodel.data import EyeJoint
from monoface.geometry.rotations import matrix_from_axis_angle


def with_turned_eyes(
    verts: Float[Tensor, "batch verts 3"],
    eyes: Sequence[EyeJoint],
    expression: Float[Tensor, "batch expressions"],
) -> Float[Tensor, "batch verts 3"]:
    """Vertices with each eyeball turned about its centre, by the sum of what expressions turn it by."""
    if not eyes:
        return verts
    gaze_rad = torch.stack([eye.gaze_rad for eye in eyes]).to(expression)
    turns = matrix_from_axis_angle(torch.einsum("be,nec->nbc", expression, gaze_rad))
    for eye, turn in zip(eyes, turns, strict=True):
        ball_index = eye.ball_index.to(verts.device)
        centre = _centre(eye, verts)
        turned = (verts.index_select(1, ball_index) - centre) @ turn.transpose(-1, -2) + centre
        verts = verts.index_copy(1, ball_index, turned)
    return verts


def turn_chords(
    eye: EyeJoint, verts: Float[Tensor, "batch verts 3"]
) -> Float[Tensor, "batch expressions ball 3"]:
    """Straight ways of an eyeball's vertices to where each expression at weight 1 turns them.

    A player of morph targets moves vertices by these. At weight 1 the ball is turned by the angle of
    `EyeJoint.gaze_rad`; at a weight between, the iris looks where the same part of that angle leads to
    (exactly at 0.5, within 0.12 degrees for turns of half a radian), on a ball that is smaller by the
    sagitta: by 3 % at 0.5. So no eyeball comes nearer to a lid on the way than at its ends.

    Args:
        eye: The eyeball.
        verts: Vertices with the eyeball not turned.
    """
    turns = matrix_from_axis_angle(eye.gaze_rad.to(verts))
    out = verts.index_select(1, eye.ball_index.to(verts.device)) - _centre(eye, verts)
    return torch.einsum("eij,bvj->bevi", turns, out) - out[:, None]


def _centre(eye: EyeJoint, verts: Float[Tensor, "batch verts 3"]) -> Float[Tensor, "batch 1 3"]:
    index = eye.centre_index.to(verts.device)
    weight = eye.centre.to(verts)[index]
    return torch.einsum("v,bvc->bc", weight, verts.index_select(1, index))[:, None]
