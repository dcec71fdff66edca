"""Frames of a clip that identity and texture come from: sure ones, of every way a head is turned."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix
from monoface.video.reading import Frame
from monoface.video.records import Look

# Yaws, in degrees, at which one way of turning ends and the next begins.
_WAYS_DEG = (-45.0, -18.0, 18.0, 45.0)
_OF_EACH = 3
_APART_S = 0.4
_MIN_CONFIDENCE = 0.7
_MAX_SIDE_PX = 1280


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A frame that is kept.

    Attributes:
        number: Of the frame.
        time_s: When it is shown.
        image_srgb: Its pixels, made smaller where they are many.
        scale: Pixels kept for a pixel of the frame.
        look: What was seen of the person.
    """

    number: int
    time_s: float
    image_srgb: UInt8[np.ndarray, "height width 3"]
    scale: float
    look: Look


@dataclass(eq=False)
class Keyframes:
    """The best frames so far: some of each way that the head is turned, not of one moment."""

    _kept: dict[int, list[Keyframe]] = field(default_factory=dict)
    _surest: Keyframe | None = None

    def offer(self, frame: Frame, look: Look) -> None:
        """Keep a frame, if it is better than one that is kept."""
        if self._surest is None or (not self._kept and look.log_error < self._surest.look.log_error - 0.1):
            self._surest = _kept(frame, look)
        if look.confidence < _MIN_CONFIDENCE:
            return
        yaw = float(np.rad2deg(head_angles_from_matrix(camera_to_head(look.start.rotation))[0][0]))
        way = self._kept.setdefault(int(np.searchsorted(_WAYS_DEG, yaw)), [])
        near = next((one for one in way if abs(one.time_s - frame.time_s) < _APART_S), None)
        if near is None and len(way) < _OF_EACH:
            way.append(_kept(frame, look))
            return
        worst = near or max(way, key=lambda one: one.look.log_error)
        # Hardly better ones are not worth a copy of the frame.
        if look.log_error < worst.look.log_error - 0.05:
            way.remove(worst)
            way.append(_kept(frame, look))

    @property
    def chosen(self) -> list[Keyframe]:
        """In the order of time; the surest frame alone, if none is sure."""
        kept = [one for way in self._kept.values() for one in way]
        if not kept:
            assert self._surest is not None
            return [self._surest]
        return sorted(kept, key=lambda one: one.number)


def _kept(frame: Frame, look: Look) -> Keyframe:
    height, width, _ = frame.image_srgb.shape
    scale = min(1.0, _MAX_SIDE_PX / max(height, width))
    image = frame.image_srgb
    if scale < 1:
        size = round(width * scale), round(height * scale)
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
    return Keyframe(frame.number, frame.time_s, image, scale, look)
