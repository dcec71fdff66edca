"""Poses and expressions of faces in photos, and what is known of them beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Poses:
    """Weak-perspective pose and expression of each photo.

    A point X of the model frame is marked at `scale_px * (rotation @ X)[:2] + shift_px`; camera axes are x
    right, y down, z away from the camera.
    """

    rotation: Float[np.ndarray, "photos 3 3"]
    scale_px: Float[np.ndarray, " photos"]
    shift_px: Float[np.ndarray, "photos 2"]
    expression: Float[np.ndarray, "photos expressions"]

    def __len__(self) -> int:
        return len(self.scale_px)

    def __getitem__(self, rows: slice | np.ndarray) -> "Poses":
        return Poses(*(getattr(self, one.name)[rows] for one in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence["Poses"]) -> "Poses":
        """Those of several in a row."""
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))


@dataclass(frozen=True)
class PoseGuess:
    """What is known of poses beforehand.

    Attributes:
        poses: The guess; its expressions do not count here.
        turn_sd_rad: Standard deviation of the rotation, about each axis.
        shift_sd_mm: Of the shift, along each axis, at the face's scale.
        zoom_sd: Of the logarithm of the scale.
    """

    poses: Poses
    turn_sd_rad: float
    shift_sd_mm: float
    zoom_sd: float

    def __getitem__(self, rows: slice | np.ndarray) -> "PoseGuess":
        return replace(self, poses=self.poses[rows])

    @property
    def precision(self) -> Float[np.ndarray, " 6"]:
        """Of turn, shift and the logarithm of the scale."""
        spread = np.array([*3 * (self.turn_sd_rad,), *2 * (self.shift_sd_mm,), self.zoom_sd])
        return 1 / spread**2

    def away(self, poses: Poses) -> Float[np.ndarray, "photos 6"]:
        """How far other poses are from the guess, in the parameters that poses are changed by."""
        turn = turn_vector(poses.rotation @ self.poses.rotation.transpose(0, 2, 1))
        shift = (poses.shift_px - self.poses.shift_px) / poses.scale_px[:, None]
        zoom = np.log(poses.scale_px / self.poses.scale_px)
        return np.concatenate((turn, shift, zoom[:, None]), axis=1)


def turn(vector_rad: Float[np.ndarray, "photos 3"]) -> Float[np.ndarray, "photos 3 3"]:
    """Rotation matrices of rotation vectors (Rodrigues)."""
    angle = np.linalg.norm(vector_rad, axis=-1)[:, None, None]
    x, y, z = vector_rad.T
    nought = np.zeros_like(x)
    cross = np.stack((nought, -z, y, z, nought, -x, -y, x, nought), axis=-1).reshape(-1, 3, 3)
    small = angle < 1e-6
    safe = np.where(small, 1.0, angle)
    sine = np.where(small, 1.0, np.sin(safe) / safe)
    cosine = np.where(small, 0.5, (1 - np.cos(safe)) / safe**2)
    return np.eye(3) + sine * cross + cosine * (cross @ cross)


def turn_vector(rotation: Float[np.ndarray, "photos 3 3"]) -> Float[np.ndarray, "photos 3"]:
    """Rotation vectors of turns well below half a turn; beyond, they are finite but too short."""
    x, y, z = (rotation[:, i, j] - rotation[:, j, i] for i, j in ((2, 1), (0, 2), (1, 0)))
    twice_sine = np.stack((x, y, z), axis=-1)
    cosine = (np.trace(rotation, axis1=1, axis2=2) - 1) / 2
    sine = np.linalg.norm(twice_sine, axis=-1) / 2
    angle = np.arctan2(sine, cosine)
    return twice_sine * (np.where(sine < 1e-6, 1.0, angle / np.maximum(sine, 1e-6)) / 2)[:, None]
