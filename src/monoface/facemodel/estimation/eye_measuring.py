"""Lids and eyeballs of measured faces, set by what is seen of each eye."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.facemodel.estimation.gaze import EyeBalls, gaze_weights
from monoface.facemodel.estimation.marked_poses import upright_turn
from monoface.facemodel.estimation.point_model import PointModel
from monoface.facemodel.estimation.poses import Poses
from monoface.facemodel.formulas.linear_model import LinearFaceModel

SIDES: Final = ("Right", "Left")
"""The subject's eyes, in the order of all arrays here."""

_BLINK, _WIDE = "eyeBlink", "eyeWide"
_LOOKS: Final = ("eyeLookIn", "eyeLookOut")
# Outer corner, inner corner, two points of the upper lid, two of the lower one.
_CORNERS, _UPPER, _LOWER = slice(0, 2), slice(2, 4), slice(4, 6)
# Beyond this turn of the head eyes are not read; within `_RAMP_DEG` before it less and less.
_LARGEST_TURN_DEG, _RAMP_DEG = 60.0, 10.0
# The eye that is turned away is read while it is this wide against the other one.
_WIDE_ENOUGH = 0.5
_STEEPEST = 1e-6


@dataclass(frozen=True)
class SeenEyes:
    """What is seen of the eyes of faces, the right one first.

    Attributes:
        gap_px: How far the lids are apart, across the eye, in pixels of the photo.
        iris_px: Middle of the iris.
        corners_px: Outer and inner corner.
        blink: How far each is shut, in ARKit's scale.
    """

    gap_px: Float[np.ndarray, "faces 2"]
    iris_px: Float[np.ndarray, "faces 2 2"]
    corners_px: Float[np.ndarray, "faces 2 2 2"]
    blink: Float[np.ndarray, "faces 2"]


@dataclass(frozen=True, eq=False)
class EyeMeasures:
    """A face model's eyes.

    Attributes:
        points: The model at the six points of the right eye and of the left one; see `SeenEyes`.
        balls: Its eyeballs.
        blink: Columns of the blinks of both eyes among the expressions.
        wide: Likewise, of eyes opened wide.
        looks: Likewise, of looking in and out.
    """

    points: PointModel
    balls: EyeBalls
    blink: Int[np.ndarray, " 2"]
    wide: Int[np.ndarray, " 2"]
    looks: Int[np.ndarray, "2 2"]

    @classmethod
    def of(cls, model: LinearFaceModel, points: PointModel) -> "EyeMeasures | None":
        """Those of a model, None if its expressions are not ARKit's or its eyes do not turn.

        Args:
            model: The face model.
            points: It, at the six points of the right eye and then of the left one.
        """
        names = model.expression_names
        wanted = [f"{name}{side}" for name in (_BLINK, _WIDE, *_LOOKS) for side in SIDES]
        if not model.bounded or not model.data.eyes or not set(wanted) <= set(names):
            return None
        columns = np.array([[names.index(f"{name}{side}") for name in _LOOKS] for side in SIDES])
        blink, wide = (np.array([names.index(f"{name}{side}") for side in SIDES]) for name in (_BLINK, _WIDE))
        return cls(points, EyeBalls.of(model), blink, wide, columns)

    def corners_px(
        self, identity: Float[np.ndarray, "faces identity"], poses: Poses
    ) -> Float[np.ndarray, "faces 2 2 2"]:
        """Where the corners of both eyes of faces lie in their photos."""
        return self._points_px(identity, poses, poses.expression)[:, :, _CORNERS]

    def readable(self, poses: Poses, seen: SeenEyes) -> Bool[np.ndarray, "faces 2"]:
        """Eyes that are turned away so little that what is seen of them counts."""
        widths = np.linalg.norm(seen.corners_px[:, :, 0] - seen.corners_px[:, :, 1], axis=-1)
        wide = widths > _WIDE_ENOUGH * widths.max(axis=1, keepdims=True)
        return wide & (_share(poses.rotation)[:, None] > 0)

    def __call__(
        self, identity: Float[np.ndarray, "faces identity"], poses: Poses, seen: SeenEyes
    ) -> Float[np.ndarray, "faces expressions"]:
        """Expressions of faces whose eyes look aside and are open as is seen; all else stays.

        How far eyes look up or down stays, too: their irises tell that less well than the whole face, whose
        pitch errs by as much.

        Args:
            identity: Of the faces.
            poses: Of the faces, with the expressions to begin with.
            seen: Of the faces.
        """
        readable = self.readable(poses, seen)
        share = _share(poses.rotation)[:, None]
        # An eye that is turned away does what the other one does.
        seen = _shared(seen, readable)
        found = poses.expression.astype(np.float64).copy()
        found[:, self.looks] = self._gaze(identity, poses, seen, readable)
        self._set_lids(found, identity, poses, seen)
        return np.where(
            readable.any(axis=1, keepdims=True),
            share * found + (1 - share) * poses.expression,
            poses.expression,
        )

    def _gaze(
        self,
        identity: Float[np.ndarray, "faces identity"],
        poses: Poses,
        seen: SeenEyes,
        readable: Bool[np.ndarray, "faces 2"],
    ) -> Float[np.ndarray, "faces 2 2"]:
        """Weights of looking in and out, right eye first."""
        # The balls and their gaze have the left eye first.
        centre = self.balls.centres(identity)[:, ::-1] @ poses.rotation.transpose(0, 2, 1)
        centre_px = centre[..., :2] * poses.scale_px[:, None, None] + poses.shift_px[:, None]
        # What lies between the seen corners and those of the posed face is an error of the face.
        off_px = (seen.corners_px - self.corners_px(identity, poses)).mean(axis=2)
        offsets = (seen.iris_px - off_px - centre_px) / poses.scale_px[:, None, None]
        offsets = np.where(readable[..., None], offsets, np.nan) @ upright_turn(poses.rotation)
        weights = gaze_weights(self.balls, offsets[:, ::-1], poses.rotation, seen.blink[:, ::-1])
        return weights[:, ::-1, : len(_LOOKS)]

    def _set_lids(
        self,
        found: Float[np.ndarray, "faces expressions"],
        identity: Float[np.ndarray, "faces identity"],
        poses: Poses,
        seen: SeenEyes,
    ) -> None:
        """Set blinks and wide eyes so that the lids are as far apart as is seen: gaps are linear in both."""
        found[:, self.blink] = found[:, self.wide] = 0.0
        at_rest = self._gaps_px(identity, poses, found)
        for columns, opens in ((self.blink, -1), (self.wide, 1)):
            moved = found.copy()
            moved[:, columns] = 1.0
            step = opens * (self._gaps_px(identity, poses, moved) - at_rest)
            wanted = opens * (seen.gap_px - at_rest)
            found[:, columns] = np.clip(wanted / np.maximum(step, _STEEPEST), 0, 1) * (step > _STEEPEST)

    def _gaps_px(
        self,
        identity: Float[np.ndarray, "faces identity"],
        poses: Poses,
        expression: Float[np.ndarray, "faces expressions"],
    ) -> Float[np.ndarray, "faces 2"]:
        """How far the lids of both eyes are apart, across the line between the eyes."""
        points = self._points_px(identity, poses, expression)
        middle = points[:, :, _CORNERS].mean(axis=2)
        along = middle[:, 1] - middle[:, 0]
        along /= np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
        down = np.stack((-along[:, 1], along[:, 0]), axis=-1)
        apart = points[:, :, _LOWER].mean(axis=2) - points[:, :, _UPPER].mean(axis=2)
        gaps: np.ndarray = (apart * down[:, None]).sum(axis=-1)
        return gaps

    def _points_px(
        self,
        identity: Float[np.ndarray, "faces identity"],
        poses: Poses,
        expression: Float[np.ndarray, "faces expressions"],
    ) -> Float[np.ndarray, "faces 2 6 2"]:
        turned = self.points.points(identity, expression) @ poses.rotation.transpose(0, 2, 1)
        placed = turned[..., :2] * poses.scale_px[:, None, None] + poses.shift_px[:, None]
        return placed.reshape(len(placed), 2, 6, 2)


def _share(rotation: Float[np.ndarray, "faces 3 3"]) -> Float[np.ndarray, " faces"]:
    """How much what is seen of eyes counts, by the turn of the head."""
    turn_deg = np.rad2deg(np.arccos(np.clip(-rotation[:, 2, 2], -1, 1)))
    return np.clip((_LARGEST_TURN_DEG - turn_deg) / _RAMP_DEG, 0, 1)


def _shared(seen: SeenEyes, readable: Bool[np.ndarray, "faces 2"]) -> SeenEyes:
    """What is seen, with gap and blink of an eye that cannot be read from the other one."""

    def of_both(values: Float[np.ndarray, "faces 2"]) -> Float[np.ndarray, "faces 2"]:
        return np.where(readable, values, values[:, ::-1])

    return SeenEyes(of_both(seen.gap_px), seen.iris_px, seen.corners_px, of_both(seen.blink))
