"""Lids that shut and lips that meet on every identity: the last step of the default model's geometry.

A linear model cannot shut every eye: identity opens eyes by millimetres more or less, and one blink has
one way to go. So blinks get correctives, and identity is kept from parting lips.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int

from monoface.facemodel.data import Correctives, EyeJoint, FaceModelData
from monoface.modelling.checks import FOLDING_BY_DESIGN
from monoface.modelling.closing.eye_room import (
    followed_ball,
    held_clear,
    moved_clear,
    near_lids,
    nearest_allowed,
    nearest_allowed_shut,
    round_ball,
)
from monoface.modelling.closing.lids import LidMesh, lid_contact, loop_following, model_lids
from monoface.modelling.closing.lips import closing, model_lip_contact
from monoface.modelling.mesh.eyeballs import centre_weights
from monoface.modelling.mesh.symmetry import MIRROR, as_tensor
from monoface.modelling.mesh.unfold import smoothed_offsets

# Clearing the ball and meeting are sought by turns.
_TURNS = 3
_BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")
# Offsets below this are left out, in millimetres.
_NEGLIGIBLE_MM = 1e-3
_CHANGES = "eyeballs rounded; lids shut and lips meet on every identity; blinks corrected by identity"
# What else moves lids; a left one and a right one each.
_MOVING_LIDS = (
    "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide", "cheekSquint",
)  # fmt: skip
# Lips of the mean face pass through each other by no more than this.
_OVERLAP_MM = 0.08


@dataclass(frozen=True)
class _Geometry:
    """What the step changes, in double precision.

    Attributes:
        mean: Vertices.
        identity: Modes.
        expressions: Rows of the basis.
        correctives: What each of the two blinks does besides, for each mode.
    """

    mean: Float[np.ndarray, "verts 3"]
    identity: Float[np.ndarray, "identity verts 3"]
    expressions: Float[np.ndarray, "expressions verts 3"]
    correctives: Float[np.ndarray, "2 identity verts 3"]


def with_closing_lids_and_lips(data: FaceModelData) -> FaceModelData:
    """The face model with eyes that a blink shuts, and a mouth that is closed, whoever it is.

    Eyeballs become spheres of one size that go with the lids. Vertices, triangles, texture, regions,
    landmark sets, albedo and the coordinates stay, and so do all modes away from lids, lips and eyeballs. The
    step is meant for a model without correctives; a model that has some gets them anew.
    """
    geometry = _Geometry(
        data.mean_mm.double().numpy(),
        data.identity_basis_mm.double().numpy(),
        data.expression_basis_mm.double().numpy(),
        np.zeros((2, *data.identity_basis_mm.shape)),
    )
    geometry, centre = _with_shutting_eyes(data, _with_meeting_lips(data, geometry))
    geometry = _unfolded(data, geometry)
    return replace(
        data,
        mean_mm=torch.from_numpy(geometry.mean.astype(np.float32)),
        identity_basis_mm=as_tensor(geometry.identity),
        expression_basis_mm=as_tensor(geometry.expressions),
        correctives=_sparse(data, geometry.correctives),
        eyes=_joints(data, geometry.mean, centre),
        provenance=dict(data.provenance) | {"closing": _CHANGES},
    )


def _with_meeting_lips(data: FaceModelData, old: _Geometry) -> _Geometry:
    weld, names = data.weld.numpy(), data.expression_names
    soft = [data.part_names.index(name) for name in ("skin", "mouth")]
    faces = weld[data.faces[torch.isin(data.face_part, torch.tensor(soft))].numpy()]
    contact = model_lip_contact(data)
    lead = closing(old.mean, faces, weld, contact)
    jaw_open, mouth_close = (names.index(name) for name in ("jawOpen", "mouthClose"))
    expressions = old.expressions.copy()
    expressions[mouth_close] += lead(contact.parting(expressions[jaw_open] + expressions[mouth_close]))
    identity = old.identity + lead(contact.parting(old.identity))
    too_deep = contact.parting(old.mean) * (0, 1, 0)
    too_deep[:, 1] = np.minimum(too_deep[:, 1] + _OVERLAP_MM, 0)
    mean = _mirrored(old.mean + lead(too_deep), data.mirror.numpy())
    return _Geometry(mean, identity, expressions, old.correctives)


def _mirrored(places: Float[np.ndarray, "verts 3"], mirror: np.ndarray) -> Float[np.ndarray, "verts 3"]:
    """Places whose right side is the exact mirror image of the left one."""
    right = places[:, 0] < 0
    return np.where(right[:, None], places[mirror] * MIRROR, places)


def _with_shutting_eyes(data: FaceModelData, old: _Geometry) -> tuple[_Geometry, Float[np.ndarray, " 3"]]:
    """The geometry with shutting eyes, and the centre of the left eyeball."""
    mirror, names = data.mirror.numpy(), data.expression_names
    rows = [names.index(name) for name in _BLINKS]
    mesh = replace(model_lids(data), verts=old.mean)
    shell = data.eyes["eye_left"].ball_index.numpy()
    others = [[names.index(f"{name}{side}") for name in _MOVING_LIDS] for side in ("Left", "Right")]
    flipped = old.expressions[:, mirror] * MIRROR
    sides = (
        _Side(old.identity, old.expressions[rows[0]], old.expressions[others[0]]),
        _Side(old.identity[:, mirror] * MIRROR, flipped[rows[1]], flipped[others[1]]),
    )
    farther = np.maximum(*(np.linalg.norm(loop_following(mesh, side.blink), axis=1) for side in sides))
    eyes = [_shutting_eye(mesh, side, farther, shell) for side in sides]

    left = old.mean[:, 0] > 0
    right = old.mean[:, 0] < 0
    mean = _mirrored(np.where(left[:, None], eyes[0].mean, old.mean), mirror)
    identity = old.identity.copy()
    identity[:, left] = eyes[0].identity[:, left]
    identity[:, right] = (eyes[1].identity[:, mirror] * MIRROR)[:, right]
    expressions = old.expressions.copy()
    expressions[rows[0]], correctives = eyes[0].blink, [eyes[0].corrective]
    expressions[rows[1]] = eyes[1].blink[mirror] * MIRROR
    expressions[others[0]] = eyes[0].others
    expressions[others[1]] = eyes[1].others[:, mirror] * MIRROR
    correctives.append(eyes[1].corrective[:, mirror] * MIRROR)
    return _Geometry(mean, identity, expressions, np.stack(correctives)), mesh.centre


def _unfolded(data: FaceModelData, old: _Geometry) -> _Geometry:
    """The geometry with expressions smoothed where they fold triangles."""
    # Blinks were smoothed before their lids were led together for the last time.
    left_alone = np.isin(data.expression_names, (*FOLDING_BY_DESIGN, *_BLINKS))[:, None, None]
    weld = data.weld.numpy()
    smoothed = smoothed_offsets(old.mean, old.expressions, weld[data.faces.numpy()])[:, weld]
    return replace(old, expressions=np.where(left_alone, old.expressions, smoothed))


@dataclass(frozen=True)
class _Side:
    """What moves one eye, as if it lay on the side x > 0: identity, its blink, other expressions."""

    identity: Float[np.ndarray, "identity verts 3"]
    blink: Float[np.ndarray, "verts 3"]
    others: Float[np.ndarray, "others verts 3"]


@dataclass(frozen=True)
class _Eye:
    """One eye on the side x > 0, shut by a blink with its corrective."""

    mean: Float[np.ndarray, "verts 3"]
    identity: Float[np.ndarray, "identity verts 3"]
    blink: Float[np.ndarray, "verts 3"]
    corrective: Float[np.ndarray, "identity verts 3"]
    others: Float[np.ndarray, "others verts 3"]


def _shutting_eye(
    mesh: LidMesh,
    side: _Side,
    farther: Float[np.ndarray, " verts"],
    shell: Int[np.ndarray, " ball"],
) -> _Eye:
    """Shut an eye.

    Args:
        mesh: The mean face around it.
        side: The modes and expressions that move it.
        farther: How far a blink moves each vertex, the greater way of both eyes, so that both get one mean.
        shell: Vertices of the eyeball.
    """
    ball, lids = followed_ball(mesh, side.identity), near_lids(mesh)
    nearest = nearest_allowed(farther)
    mean, identity = held_clear(mesh.verts, side.identity, ball, nearest, lids)
    mean = mesh.verts + smoothed_offsets(mesh.verts, (mean - mesh.verts)[None], mesh.faces)[0][mesh.weld]
    mean[shell] = round_ball(mesh.verts[shell], ball.centre)
    identity[:, shell] = ball.motion[:, None]
    mesh = replace(mesh, verts=mean)
    blink = loop_following(mesh, side.blink)
    contact = lid_contact(mesh, blink)
    nearest = nearest_allowed_shut(mesh, nearest)
    shut, modes = contact.closed(mean + blink, mesh.centre), contact.together(identity)
    for _ in range(_TURNS):
        shut, modes = held_clear(shut, modes, ball, nearest, lids)
        shut = mean + smoothed_offsets(mean, (shut - mean)[None], mesh.faces)[0][mesh.weld]
        shut, modes = contact.closed(shut, mesh.centre), contact.together(modes)
    others = np.stack([moved_clear(other, (mean, shut), ball, lids) for other in side.others])
    return _Eye(mean, identity, shut - mean, modes - identity, others)


def _sparse(data: FaceModelData, offsets: Float[np.ndarray, "2 identity verts 3"]) -> Correctives:
    verts = np.nonzero(np.abs(offsets).max(axis=(0, 1, 3)) > _NEGLIGIBLE_MM)[0]
    rows = [data.expression_names.index(name) for name in _BLINKS]
    return Correctives(torch.tensor(rows), torch.from_numpy(verts), as_tensor(offsets[:, :, verts]))


def _joints(
    data: FaceModelData, mean: np.ndarray, left_centre: Float[np.ndarray, " 3"]
) -> dict[str, EyeJoint]:
    joints = {}
    for name, centre in (("eye_left", left_centre), ("eye_right", left_centre * MIRROR)):
        eye = data.eyes[name]
        weights = torch.zeros(len(mean))
        weights[eye.verts] = as_tensor(centre_weights(mean[eye.verts.numpy()], centre))
        joints[name] = replace(eye, centre=weights)
    return joints
