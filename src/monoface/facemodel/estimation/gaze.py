"""Where eyes look: from irises in a photo, through the eyeballs of the posed face model."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int

from monoface.core.arrays import in_numpy, numpy_of
from monoface.facemodel.estimation.marked_poses import upright_turn
from monoface.facemodel.formulas.linear_model import LinearFaceModel

_SIDES = ("Left", "Right")
_EYES = ("eye_left", "eye_right")
# An iris further off the eyeball's middle than this part of its radius is not taken at its word.
_LARGEST_SINE = 0.75
# Of the eyeball's cornea, as far as the iris lies from the centre.
_IRIS_DEPTH = 0.95
# From this blink on irises are guessed, and shut eyes look nowhere.
_OPEN, _SHUT = 0.4, 0.7
_FAR_RAD = np.deg2rad(30)


@dataclass(frozen=True)
class EyeBalls:
    """The eyes of a face model.

    Attributes:
        centre_mm: Centres of the left and the right ball of the mean face.
        by_identity_mm: Offsets of the identity modes.
        radius_mm: From the centre to the iris.
        turn_rad: Turn at weight 1 of looking in, out, up and down, without sign.
        columns: These expressions of the left eye, then of the right one.
    """

    centre_mm: Float[np.ndarray, "2 3"]
    by_identity_mm: Float[np.ndarray, "identity 2 3"]
    radius_mm: float
    turn_rad: Float[np.ndarray, " 4"]
    columns: Int[np.ndarray, "2 4"]

    @classmethod
    def of(cls, model: LinearFaceModel) -> Self:
        """Those of a face model that has turning eyes."""
        eyes = [in_numpy(model.data.eyes[name]) for name in _EYES]
        mean, basis = numpy_of(model.mean_mm), numpy_of(model.identity_basis_mm)
        centre = np.stack([_mean(eye.centre, mean) for eye in eyes])
        moved = np.stack([np.einsum("v,kvc->kc", eye.centre, basis) for eye in eyes], axis=1)
        ball = mean[eyes[0].verts]
        names = model.expression_names
        ways = ("In", "Out", "Up", "Down")
        columns = np.array([[names.index(f"eyeLook{way}{side}") for way in ways] for side in _SIDES])
        gaze = eyes[0].gaze_rad[columns[0]]
        radius = _IRIS_DEPTH * float((ball[:, 2] - centre[0, 2]).max())
        return cls(centre.astype(np.float64), moved.astype(np.float64), radius, np.abs(gaze).max(1), columns)

    def centres(self, identity: Float[np.ndarray, "photos identity"]) -> Float[np.ndarray, "photos 2 3"]:
        """Centres in the model frame."""
        return self.centre_mm + np.einsum("nk,kec->nec", identity, self.by_identity_mm)


def gaze_weights(
    balls: EyeBalls,
    offsets_mm: Float[np.ndarray, "photos 2 2"],
    rotation: Float[np.ndarray, "photos 3 3"],
    blink: Float[np.ndarray, "photos 2"],
) -> Float[np.ndarray, "photos 2 4"]:
    """Weights of looking in, out, up and down of both eyes, which look the same way.

    Args:
        balls: The eyes.
        offsets_mm: Irises, in the picture of the upright head.
        rotation: Of the heads.
        blink: Weight of the left and the right blink; shut eyes look ahead.
    """
    off = offsets_mm @ upright_turn(rotation).transpose(0, 2, 1) / balls.radius_mm
    sine = np.linalg.norm(off, axis=-1, keepdims=True)
    off = off * np.minimum(1, _LARGEST_SINE / np.maximum(sine, 1e-9))
    towards = -np.sqrt(np.maximum(1 - np.square(off).sum(axis=-1, keepdims=True), 0.0))
    ray = np.concatenate((off, towards), axis=-1) @ rotation
    # The eye that is turned away shows little of its iris.
    side = 2 * rotation[:, 2, 0]
    nearer = np.clip(np.stack((1 - side, 1 + side), axis=1), 0.05, 1)
    openness = np.clip((_SHUT - blink) / (_SHUT - _OPEN), 0, 1)
    seen = np.isfinite(ray).all(axis=-1)
    share = nearer * openness * seen
    total = share.sum(axis=1)
    mean = (share[..., None] * np.nan_to_num(ray)).sum(axis=1) / np.maximum(total, 1e-9)[:, None]
    yaw, down = np.arctan2(mean[:, 0], mean[:, 2]), np.arctan2(-mean[:, 1], mean[:, 2])
    believed = np.clip(openness.max(axis=1), 0, 1) * (total > 0) * np.isfinite(yaw)
    yaw, down = (np.clip(np.nan_to_num(angle) * believed, -_FAR_RAD, _FAR_RAD) for angle in (yaw, down))
    # Positive yaw is towards the subject's left: out for the left eye, in for the right one.
    inward, outward, up, under = balls.turn_rad
    left = np.stack((-yaw / inward, yaw / outward, -down / up, down / under), axis=1)
    right = np.stack((yaw / inward, -yaw / outward, -down / up, down / under), axis=1)
    return np.clip(np.stack((left, right), axis=1), 0, 1)


def _mean(weight: np.ndarray, verts: np.ndarray) -> np.ndarray:
    mean: np.ndarray = weight @ verts
    return mean
