"""A person's motion through a clip, and how smooth it is."""

from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from monoface.facemodel import LinearPoints
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix
from monoface.video.smoothing import filled, matrices_of, quaternions_of, smoothed

_MOST_LAG = 5
_MUCH_NEARER = 0.8
# Where the middle of a face's landmarks lies in the model frame.
_MIDDLE_MM = np.array([0.0, -5.5, 92.0])


@dataclass(frozen=True, eq=False)
class Motion:
    """Pose and expression in the frames that show a person; one row a frame.

    Attributes:
        number: Of the frame.
        time_s: When it is shown.
        rotation: Model to camera frame (OpenCV axes).
        scale_px: Pixels a millimetre.
        shift_px: Where the model's origin appears.
        expression: Weights of the face model's morphs.
        eyes: What was read of the eyes: `EYE_SHAPES` in ARKit's scale, right and left; NaN where turned away.
        confidence: Probability that the landmarks are right.
        variance: Of the frame's error, against the median frame's.
    """

    number: Int[np.ndarray, " frames"]
    time_s: Float[np.ndarray, " frames"]
    rotation: Float[np.ndarray, "frames 3 3"]
    scale_px: Float[np.ndarray, " frames"]
    shift_px: Float[np.ndarray, "frames 2"]
    expression: Float[np.ndarray, "frames expressions"]
    eyes: Float[np.ndarray, "frames 2 shapes"]
    confidence: Float[np.ndarray, " frames"]
    variance: Float[np.ndarray, " frames"]

    def __len__(self) -> int:
        return len(self.number)

    def __getitem__(self, rows: slice) -> "Motion":
        return Motion(*(getattr(self, one.name)[rows] for one in fields(self)))

    @classmethod
    def joined(cls, parts: list["Motion"]) -> "Motion":
        """Stretches of one person's motion, one after the other."""
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))

    @property
    def head_angles_deg(self) -> Float[np.ndarray, "frames 3"]:
        """Yaw, pitch and roll, as AFLW2000-3D has them."""
        return np.rad2deg(np.stack(head_angles_from_matrix(camera_to_head(self.rotation)), axis=-1))

    def stretches(self, every: int = 1) -> list["Motion"]:
        """Stretches without a gap.

        Args:
            every: Of so many frames one was read.
        """
        ends = np.flatnonzero(np.diff(self.number) > every) + 1
        edges = [0, *ends.tolist(), len(self)]
        return [self[begin:end] for begin, end in pairwise(edges) if end > begin]

    def smoothed(self, smooth: float, every: int = 1) -> "Motion":
        """The same motion, smoothed without lag within each stretch; see `video.smoothing`."""
        return Motion.joined([_smoothed(part, smooth) for part in self.stretches(every)])

    def landmarks_px(
        self, points: LinearPoints, identity: Float[np.ndarray, " identity"]
    ) -> Float[np.ndarray, "frames landmarks 2"]:
        """Points of the face model in pixels of the frames."""
        who = np.repeat(identity[None], len(self), axis=0).astype(np.float32)
        places_mm = points.in_numpy().forward(who, self.expression.astype(np.float32))
        turned = (self.rotation.astype(np.float64) @ places_mm.transpose(0, 2, 1))[:, :2]
        return self.scale_px[:, None, None] * turned.transpose(0, 2, 1) + self.shift_px[:, None]


@dataclass(frozen=True)
class Smoothness:
    """How smooth landmarks move.

    Attributes:
        jitter: RMS of their second difference in time, over the face's size: its box's longer side.
        unsmoothed_jitter: The same before smoothing.
        lag_frames: Shift in time at which smoothed landmarks lie nearest to unsmoothed ones; 0 of a head so
            still that no shift is much nearer.
        error: RMS distance between both, over the face's size.
    """

    jitter: float
    unsmoothed_jitter: float
    lag_frames: int
    error: float

    @classmethod
    def of(
        cls, before_px: Float[np.ndarray, "frames points 2"], after_px: Float[np.ndarray, "frames points 2"]
    ) -> "Smoothness":
        """Compare the landmarks of one stretch before and after smoothing."""
        size = float(np.ptp(before_px, axis=1).max(axis=1).mean())
        distances = []
        most = min(_MOST_LAG, len(before_px) // 4)
        for lag in range(-most, most + 1):
            rows = np.arange(most, len(before_px) - most)
            distances.append(_rms(after_px[rows] - before_px[rows - lag]))
        return cls(
            jitter=_rms(np.diff(after_px, 2, axis=0)) / size,
            unsmoothed_jitter=_rms(np.diff(before_px, 2, axis=0)) / size,
            lag_frames=_lag(np.array(distances)),
            error=_rms(after_px - before_px) / size,
        )


def _smoothed(motion: Motion, smooth: float) -> Motion:
    count, shapes = len(motion), motion.eyes.shape[1:]
    scale = motion.scale_px[:, None]
    # The face's middle rather than the model's origin: that moves when the head is thought to turn.
    middle_px = motion.shift_px + scale * (motion.rotation @ _MIDDLE_MM)[:, :2]
    pose = np.column_stack((quaternions_of(motion.rotation), np.log(scale), middle_px / scale))
    pose = smoothed(pose, motion.variance, smooth, together=True)
    rotation, scale = matrices_of(pose[:, :4]), np.exp(pose[:, 4:5])
    expression = smoothed(motion.expression, motion.variance, smooth)
    eyes = smoothed(filled(motion.eyes.reshape(count, -1)), motion.variance, smooth).reshape(count, *shapes)
    return replace(
        motion,
        rotation=rotation,
        scale_px=scale[:, 0],
        shift_px=scale * (pose[:, 5:] - (rotation @ _MIDDLE_MM)[:, :2]),
        expression=np.clip(expression, 0, 1),
        eyes=np.where(np.isnan(motion.eyes), np.nan, np.clip(eyes, 0, 1)),
    )


def _lag(distances: Float[np.ndarray, " lags"]) -> int:
    most = len(distances) // 2
    nearest = int(np.argmin(distances))
    return nearest - most if distances[nearest] < _MUCH_NEARER * distances[most] else 0


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).sum(axis=-1).mean())) if values.size else 0.0
