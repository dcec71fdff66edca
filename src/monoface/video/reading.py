"""Frames of a clip, one at a time: video files by PyAV, folders and patterns of pictures by Pillow."""

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from monoface.core.errors import ConfigError, ImageError, MissingExtraError
from monoface.photos.reading import read_image

_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".ppm", ".avif"}
# A folder of pictures says nothing of time.
_PICTURES_RATE = 30.0
# So many damaged packets or frames in a row, and the rest of a file is given up.
_MOST_BROKEN = 500


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of a clip.

    Attributes:
        number: Its place in the clip, from 0; damaged frames have none.
        time_s: When it is shown, from the beginning of the clip.
        image_srgb: Upright, RGB.
    """

    number: int
    time_s: float
    image_srgb: UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True)
class ReadingConfig:
    """Which frames of a clip are read.

    Attributes:
        start_s: Frames before are left out.
        end_s: Frames from then on are left out; None reads to the end.
        every: Of so many frames one is read.
    """

    start_s: float = 0.0
    end_s: float | None = None
    every: int = 1

    def __post_init__(self) -> None:
        if self.start_s < 0 or (self.end_s is not None and self.end_s <= self.start_s):
            raise ConfigError(
                f"start and end: expected 0 <= start < end, got {self.start_s} and {self.end_s}."
            )
        if self.every < 1:
            raise ConfigError(f"every: expected at least 1, got {self.every}.")


class Clip:
    """A clip: iterating over it reads its frames anew, one at a time.

    Attributes:
        broken: Damaged frames and packets that the latest reading went past.
        begins_s: When the first frame is shown by the file's own clock, once it was read.
        rate: Frames a second, in the mean.

    Args:
        source: A video file, a folder of pictures, or a pattern such as `shots/*.png`.
        config: Which frames.

    Raises:
        ConfigError: If there is no such file, folder or picture.
        ImageError: If the file holds no video.
        MissingExtraError: If PyAV is needed and not installed.
    """

    def __init__(self, source: str | Path, config: ReadingConfig | None = None) -> None:
        self.name = str(source)
        self.config = config or ReadingConfig()
        self.broken = 0
        self.begins_s = 0.0
        self._pictures = _pictures(self.name)
        self.rate = _PICTURES_RATE
        if not self._pictures:
            if not Path(self.name).exists():
                raise ConfigError(f"{self.name}: expected a video, a folder of pictures or a pattern.")
            with _opened(self.name) as container:
                self.rate = float(container.streams.video[0].average_rate or _PICTURES_RATE)

    @property
    def is_file(self) -> bool:
        """Whether the clip is a video file, which may have sound."""
        return not self._pictures

    @property
    def files(self) -> list[Path]:
        """The video file, or the pictures."""
        return [Path(name) for name in self._pictures or (self.name,)]

    @property
    def is_camera(self) -> bool:
        """Whether frames are taken while they are read."""
        return Path(self.name).is_char_device()

    def __iter__(self) -> Iterator[Frame]:
        self.broken = 0
        for frame in self._numbered():
            if self.config.end_s is not None and frame.time_s >= self.config.end_s:
                return
            yield frame

    def _numbered(self) -> Iterator[Frame]:
        chosen = -1
        for number, (time_s, picture) in enumerate(self._read()):
            if time_s < self.config.start_s:
                continue
            chosen += 1
            if chosen % self.config.every == 0:
                yield Frame(number, time_s, picture())

    def _read(self) -> Iterator[tuple[float, Any]]:
        """Times, and functions that give the pixels, which only frames that are taken need."""
        if self._pictures:
            yield from self._read_pictures()
            return
        with _opened(self.name) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            first: float | None = None
            last = -1.0 / self.rate
            for frame in self._decoded(container, stream):
                time_s = last + 1 / self.rate if frame.time is None else float(frame.time)
                if first is None:
                    first = self.begins_s = time_s
                last = time_s
                yield time_s - first, lambda frame=frame: _upright(frame)

    def _read_pictures(self) -> Iterator[tuple[float, Any]]:
        shown = 0
        for path in self._pictures:
            try:
                image = read_image(path).image_srgb
            except ImageError:
                self.broken += 1
                continue
            yield shown / self.rate, lambda image=image: image
            shown += 1

    def _decoded(self, container: Any, stream: Any) -> Iterator[Any]:
        import av

        packets, in_a_row = container.demux(stream), 0
        while in_a_row < _MOST_BROKEN:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError:
                self.broken += 1
                in_a_row += 1
                continue
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.broken += 1
                in_a_row += 1
                continue
            for frame in frames:
                in_a_row = 0
                if frame.is_corrupt:
                    self.broken += 1
                else:
                    yield frame


def _pictures(name: str) -> list[str]:
    if Path(name).is_dir():
        found = [str(path) for path in Path(name).iterdir() if path.suffix.lower() in _PICTURES]
        if not found:
            raise ConfigError(f"{name}: expected a folder of pictures, got one without any.")
        return sorted(found, key=_by_numbers)
    return (
        sorted(glob.glob(name), key=_by_numbers) if glob.has_magic(name) and not Path(name).exists() else []
    )


def _by_numbers(name: str) -> list[tuple[bool, int, str]]:
    """What sorts frame2 before frame10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _opened(name: str) -> Any:
    try:
        import av
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            'reading videos needs PyAV, which is not installed: pip install "monoface[video]".'
        ) from error
    try:
        container = av.open(name)
    except (av.FFmpegError, OSError) as error:
        raise ImageError(f"{name}: expected a video, got a file that cannot be read ({error}).") from error
    if not container.streams.video:
        container.close()
        raise ImageError(f"{name}: expected a video, got a file without pictures.")
    return container


def _upright(frame: Any) -> UInt8[np.ndarray, "height width 3"]:
    """Pixels of a frame, turned as its rotation flag says, in quarter turns."""
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    image: np.ndarray = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(image, turns))
