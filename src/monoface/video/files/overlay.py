"""A clip with everybody's landmarks drawn on it, with its sound."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from monoface.video.reading import Clip
from monoface.video.reconstructor import PersonInClip

_COLOURS = np.array(((60, 230, 120), (255, 170, 40), (90, 170, 255), (240, 90, 200)), np.uint8)
_TIME_BASE = Fraction(1, 90_000)


def write_overlay(
    clip: Clip,
    people: Sequence[PersonInClip],
    landmarks_px: Sequence[Float[np.ndarray, "frames 68 2"]],
    path: Path,
) -> None:
    """Write an mp4 file (H.264) with the frames' own times, and sound if it begins with the clip.

    Args:
        clip: The clip, as it was read before.
        people: Everybody in it.
        landmarks_px: Of each.
        path: Where to; what is there is replaced.
    """
    import av

    places = [{int(number): row for row, number in enumerate(one.motion.number)} for one in people]
    with av.open(str(path), "w", format="mp4") as container:
        stream: Any = None
        sound: Any = None
        for frame in clip:
            image = frame.image_srgb[
                : frame.image_srgb.shape[0] // 2 * 2, : frame.image_srgb.shape[1] // 2 * 2
            ]
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(clip.rate).limit_denominator(1001))
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt, stream.codec_context.time_base = "yuv420p", _TIME_BASE
                sound = _Sound.of(clip, container)
            picture = image.copy()
            for person, rows, points in zip(people, places, landmarks_px, strict=True):
                if frame.number in rows:
                    _dot(picture, points[rows[frame.number]], _COLOURS[person.number % len(_COLOURS)])
            drawn = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            drawn.pts, drawn.time_base = round(frame.time_s / _TIME_BASE), _TIME_BASE
            container.mux(stream.encode(drawn))
        if stream is not None:
            container.mux(stream.encode(None))
        if sound is not None:
            sound.copy(container, clip.begins_s, clip.config.end_s)


def _dot(
    picture: UInt8[np.ndarray, "height width 3"],
    points_px: Float[np.ndarray, "points 2"],
    colour: UInt8[np.ndarray, " 3"],
) -> None:
    """Draw squares in place."""
    half = max(1, round(float(np.ptp(points_px, axis=0).max()) / 150))
    height, width, _ = picture.shape
    for x, y in np.floor(points_px).astype(int):
        if 0 <= x < width and 0 <= y < height:
            picture[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1] = colour


class _Sound:
    """The sound of a clip, handed on as it is."""

    def __init__(self, name: str, target: Any) -> None:
        self._name, self._target = name, target

    @classmethod
    def of(cls, clip: Clip, container: Any) -> "_Sound | None":
        import av

        if not clip.is_file or clip.config.start_s > 0:
            return None
        with av.open(clip.name) as source:
            # What mp4 does not know is left out.
            if not source.streams.audio or source.streams.audio[0].codec_context.name not in ("aac", "mp3"):
                return None
            return cls(clip.name, container.add_stream_from_template(source.streams.audio[0]))

    def copy(self, container: Any, begins_s: float, end_s: float | None) -> None:
        """Hand packets on, from the clip's beginning to its end.

        Args:
            container: Where to.
            begins_s: When the clip begins by the file's own clock.
            end_s: When it ends, from its beginning; None hands on all.
        """
        import av

        with av.open(self._name) as source:
            for packet in source.demux(source.streams.audio[0]):
                if packet.dts is None or packet.pts is None:
                    continue
                time_s = float(packet.pts * packet.time_base) - begins_s
                if time_s < 0 or (end_s is not None and time_s >= end_s):
                    continue
                shift = round(begins_s / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = self._target
                container.mux(packet)
