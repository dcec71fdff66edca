"""What a reader of an original layout gives for each photo, and what can be chosen."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float, UInt8

from monoface.core.errors import ConfigError, DataError, ImageError

Read = TypeVar("Read")
LabelValue = np.ndarray | float | int | str | bool


@dataclass(frozen=True)
class PackConfig:
    """What of a data set goes into its pack, where the set leaves a choice.

    Attributes:
        every: Keep one photo in this many, in the order of the data set: 10 gives 200 of AFLW2000-3D.
        people: At most this many people, the first by name or number; None for the source's default.
        photos_per_person: At most this many photos of a person (LFW).
        clips_per_person: At most this many clips of a person (YouTube Faces).
        frames_per_clip: Frames taken from a clip, evenly spread (YouTube Faces).
        quality: Of the WebP pictures, 1 to 100; 100 is lossless.
    """

    every: int = 1
    people: int | None = None
    photos_per_person: int = 40
    clips_per_person: int = 4
    frames_per_clip: int = 4
    quality: int = 92

    def __post_init__(self) -> None:
        counts = ("every", "photos_per_person", "clips_per_person", "frames_per_clip")
        for name in counts:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {getattr(self, name)}.")
        if self.people is not None and self.people < 1:
            raise ConfigError(f"people: expected at least 1, got {self.people}.")
        if not 1 <= self.quality <= 100:
            raise ConfigError(f"quality: expected 1 to 100, got {self.quality}.")


@dataclass(frozen=True, eq=False)
class OriginalPhoto:
    """One photo as it goes into a pack.

    Attributes:
        key: Its name in the pack.
        image: RGB.
        labels: One row of each array of `labels.npz`. Points have their first pixel's centre at (0, 0).
        mask: Class index of each pixel, for sources with masks.
    """

    key: str
    image: UInt8[np.ndarray, "height width 3"]
    labels: Mapping[str, LabelValue] = field(default_factory=dict)
    mask: UInt8[np.ndarray, "height width"] | None = None


@dataclass(frozen=True)
class LeftOut:
    """A photo that is not packed, for it is damaged or missing.

    Attributes:
        reason: In a line.
    """

    reason: str


ReadOriginal = Callable[[Path, PackConfig], Iterator[OriginalPhoto | LeftOut]]
"""Reads the photos of a folder in an original layout, one at a time."""


def attempt(read: Callable[[], Read]) -> Read | LeftOut:
    """What is read, or why it is left out."""
    try:
        return read()
    except (ImageError, DataError) as error:
        return LeftOut(str(error))


def points_to_square(
    points_px: Float[np.ndarray, "points 2"], box: Float[np.ndarray, " 4"], size: int
) -> Float[np.ndarray, "points 2"]:
    """Points of a photo in the crop of a box; in both, the first pixel's centre is at (0, 0).

    Args:
        points_px: NaN stays NaN.
        box: Left, top, right and bottom edge, the first pixel covering [0, 1).
        size: Side of the crop.
    """
    low, extent = box[:2], box[2:] - box[:2]
    return (points_px + 0.5 - low) * (size / extent) - 0.5


def square_round(points_px: Float[np.ndarray, "points 2"], scale: float) -> Float[np.ndarray, " 4"]:
    """Edges of the square centred on the points' box, `scale` times as large as its longer side.

    Args:
        points_px: The first pixel's centre is at (0, 0). NaN points are left out; one must be finite.
        scale: Of the box's longer side.
    """
    low, high = np.nanmin(points_px, axis=0) + 0.5, np.nanmax(points_px, axis=0) + 0.5
    half = max(float((high - low).max()), 1.0) * scale / 2
    centre = (low + high) / 2
    return np.concatenate((centre - half, centre + half)).astype(np.float64)
