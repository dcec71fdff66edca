"""One person, frame by frame as frames come: one growing identity, and a filter that does not look ahead."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from monoface.networks.eyes.outputs import EYE_SHAPES
from monoface.pipeline import Reconstructor
from monoface.video.blendshapes import blendshapes_of
from monoface.video.motion import Motion
from monoface.video.reading import Frame
from monoface.video.records import Look
from monoface.video.smoothing import CausalFilter, matrices_of, quaternions_of

# Noise of a single look: quaternion, logarithm of the scale, shift in mm, expression weights, eyes.
_NOISE = (0.0015, 0.002, 0.15, 0.006, 0.02)
# So many looks at full weight, and the identity hardly moves any more.
_MOST_LOOKS = 300.0


@dataclass(frozen=True, eq=False)
class FrameFace:
    """A person in a frame.

    Attributes:
        person: Number of the person, from 1.
        identity: The estimate so far.
        motion: Pose and expression, filtered; one row.
        blendshapes: In ARKit's scale, by name.
    """

    person: int
    identity: Float[np.ndarray, " identity"]
    motion: Motion
    blendshapes: dict[str, float]


class LiveFace:
    """Follows one person.

    Args:
        reconstructor: What the looks come from.
        number: Of the person.
        smooth: From 0 to 1.
    """

    def __init__(self, reconstructor: Reconstructor, number: int, smooth: float) -> None:
        assert reconstructor.refiner is not None
        model = reconstructor.face_model
        self._number = number
        self._refiner = reconstructor.refiner
        self._names, self._scale = model.expression_names, reconstructor.blendshape_scale
        sizes = (4, 1, 2, model.expression_size, 2 * len(EYE_SHAPES))
        self._ends = np.cumsum(sizes)[:-1]
        self._filter = CausalFilter(smooth, np.repeat(_NOISE, sizes))
        self._identity = np.zeros(model.identity_size)
        self._information = 0.0
        self._turn: Float[np.ndarray, " 4"] | None = None

    def __call__(self, frame: Frame, look: Look) -> FrameFace:
        """The person in the next frame."""
        # The information of a look is the inverse variance of what the network expects of its error.
        information = float(np.exp(-2 * look.log_error))
        self._information = min(self._information + information, _MOST_LOOKS * information)
        self._identity += (look.identity[0] - self._identity) * (information / self._information)
        poses = self._refiner.following(look.seen, look.start, self._identity, look.eyes)
        turn = quaternions_of(poses.rotation)[0]
        if self._turn is not None and turn @ self._turn < 0:
            turn = -turn
        self._turn = turn
        shapes = np.full(2 * len(EYE_SHAPES), np.nan) if look.eyes is None else look.eyes.shapes[0].ravel()
        place = np.append(np.log(poses.scale_px), poses.shift_px[0] / poses.scale_px[0])
        values = np.concatenate((turn, place, poses.expression[0], np.nan_to_num(shapes)))
        turned, size, shift, expression, eyes = np.split(self._filter(values), self._ends)
        scale_px = np.exp(size)
        motion = Motion(
            np.array([frame.number]),
            np.array([frame.time_s]),
            matrices_of(turned[None]),
            scale_px,
            shift[None] * scale_px,
            expression.clip(0, 1)[None],
            np.where(np.isnan(shapes), np.nan, eyes.clip(0, 1)).reshape(1, 2, -1),
            np.array([look.confidence]),
            np.ones(1),
        )
        values = blendshapes_of(motion, self._names, self._scale)[0]
        named = dict(zip(self._names, values.tolist(), strict=True))
        return FrameFace(self._number, self._identity.copy(), motion, named)
