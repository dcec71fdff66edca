"""A photo as the pipeline works on it: upright sRGB pixels, and a small copy of them to look at first."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

OVERVIEW_SIDE_PX = 768
"""An overview's longer side has at least so many pixels, and less than twice as many if it can."""


@dataclass(frozen=True)
class LoadedImage:
    """A photo as the pipeline works on it.

    Attributes:
        image_srgb: RGB, upright, no longer than was asked for; shared with nobody.
        name: What messages and results call the photo: the path as given, or what kind of object it was.
        original_size_px: Width and height of the upright photo before it was made smaller.
        scale: Working pixels per pixel of the upright original, the same along both axes, at most 1.
        exif_focal_px: Focal length in pixels of the upright original by its EXIF data; None where they do not
            tell.
    """

    image_srgb: UInt8[np.ndarray, "height width 3"]
    name: str
    original_size_px: tuple[int, int]
    scale: float
    exif_focal_px: float | None = None

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the working copy."""
        height, width, _ = self.image_srgb.shape
        return width, height

    @cached_property
    def overview(self) -> "LoadedImage":
        """The same photo with few pixels, to look at as a whole and for its large faces; itself if small.

        A pixel is the middle of its block, or the mean of the two around it, so that large photos cost hardly
        more to look at than small ones; who makes an overview smaller averages many of these.
        """
        step = max(self.size_px) // OVERVIEW_SIDE_PX
        if step < 2:
            return self
        return replace(_plain(self), image_srgb=_thinned(self.image_srgb, step), scale=self.scale / step)

    def finish(self) -> None:
        """Wait until nothing that was given is needed any more: its array may change from then on."""

    def to_original_px(self, points_px: Float[np.ndarray, "*points 2"]) -> Float[np.ndarray, "*points 2"]:
        """Take points from the working copy to the upright original photo."""
        return points_px / self.scale

    def __reduce__(self) -> tuple[Any, ...]:
        return LoadedImage, tuple(getattr(self, one.name) for one in fields(LoadedImage))


def _plain(photo: LoadedImage) -> LoadedImage:
    """The photo with its pixels, of whatever kind it is."""
    return LoadedImage(*(getattr(photo, one.name) for one in fields(LoadedImage)))


def _thinned(image: UInt8[np.ndarray, "_ _ 3"], step: int) -> UInt8[np.ndarray, "_ _ 3"]:
    """One pixel for each whole block of `step` x `step`: its middle, or the mean of the two around it."""
    height, width = (side // step for side in image.shape[:2])
    # Gathered as whole pixels, which takes half of the time that their channels would.
    pixels = np.ascontiguousarray(image).view(np.dtype((np.void, 3)))[..., 0]

    def gathered(start: int) -> UInt8[np.ndarray, "_ _ 3"]:
        chosen = np.ascontiguousarray(pixels[start::step, start::step][:height, :width])
        return chosen.view(np.uint8).reshape(height, width, 3)

    middle = gathered(step // 2)
    if step % 2:
        return middle
    before = gathered(step // 2 - 1)
    # The mean without a carry: what both have, and half of what only one has.
    return (middle & before) + ((middle ^ before) >> 1)
