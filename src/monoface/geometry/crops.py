"""Axis-aligned crops of photos, and the way of points into a crop and back.

A box is the left, top, right and bottom *edge* in pixels of the photo, whose first pixel covers [0, 1).
Its edges become the edges of the crop. Boxes may have fractions, and may reach beyond the photo.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

_KEPT_OVERSAMPLING = 3
"""Large regions are first averaged in whole blocks, down to no less than this many times the crop's size.

The triangle filter still averages three blocks or more, which hides that the blocks are square.
"""


@dataclass(frozen=True)
class _AxisPlan:
    """How one axis is read: pixels `start` to `stop` of the photo, averaged in blocks.

    Attributes:
        block: Pixels averaged into one.
        low: First edge of the box, in blocks from `start`.
        high: Second edge of the box, likewise.
        frame: First and last whole block that the resampling filter may look at, from `start`.
    """

    start: int
    stop: int
    block: int
    low: float
    high: float
    frame: tuple[int, int]

    @property
    def coverage(self) -> Float[np.ndarray, " blocks"]:
        """Part of each block that lies in the photo: 1, but for a last block that the border cuts."""
        starts = np.arange(self.start, self.stop, self.block)
        return np.minimum(self.stop - starts, self.block) / self.block


def crop_and_resize(
    image: UInt8[np.ndarray, "height width 3"], box: Float[np.ndarray, " 4"], size: int
) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """Square picture of what is in a box, antialiased; black where the box reaches beyond the photo.

    Memory depends on the part of the box within the photo and on `size`, not on how far it reaches.

    Args:
        image: Photo in RGB.
        box: Edges in pixels. What is no square is stretched to one.
        size: Side of the crop, in pixels.

    Raises:
        ValueError: If the box is not finite, or has no area.
    """
    left, top, right, bottom = _checked_edges(box)
    x = _plan_axis(left, right, image.shape[1], size)
    y = _plan_axis(top, bottom, image.shape[0], size)
    if x.start == x.stop or y.start == y.stop:
        return np.zeros((size, size, 3), dtype=np.uint8)

    part = Image.fromarray(np.ascontiguousarray(image[y.start : y.stop, x.start : x.stop]))
    if x.block > 1 or y.block > 1:
        # A block that the border of the photo cuts is averaged over what there is: the rest is black.
        part = part.reduce((x.block, y.block))
        if min(x.coverage[-1], y.coverage[-1]) < 1:
            coverage = y.coverage[:, None, None] * x.coverage[None, :, None]
            part = Image.fromarray((np.asarray(part) * coverage).round().astype(np.uint8))
    framed = part.crop((x.frame[0], y.frame[0], x.frame[1], y.frame[1]))
    inside = (x.low - x.frame[0], y.low - y.frame[0], x.high - x.frame[0], y.high - y.frame[0])
    # A copy, because Pillow's own memory is read-only.
    return np.array(framed.resize((size, size), Image.Resampling.BILINEAR, box=inside))


def photo_to_crop(
    points_px: Float[np.ndarray, "*batch points 2"], box: Float[np.ndarray, "*batch 4"], size: int
) -> Float[np.ndarray, "*batch points 2"]:
    """Pixels of the photo to pixels of the crop that `crop_and_resize` cuts."""
    origin, extent = _origin_and_extent(box)
    return (points_px - origin) * (size / extent)


def unclip_square(box: Float[np.ndarray, " 4"], width: int, height: int) -> Float[np.ndarray, " 4"]:
    """Square that a box was before the borders of the photo cut it; a square stays as it is.

    The longer side is taken to be whole. The shorter one grows over the border that it touches, and
    over both sides equally if it touches both or none.

    Args:
        box: Edges in pixels.
        width: Of the photo, in pixels.
        height: Of the photo, in pixels.
    """
    side = max(box[2] - box[0], box[3] - box[1])
    edges = np.array(box, copy=True)
    for low, high, extent in ((0, 2, width), (1, 3, height)):
        missing = side - (box[high] - box[low])
        at_start, at_end = box[low] <= 0, box[high] >= extent
        share = 0.5 if at_start == at_end else float(at_start)
        edges[low] -= missing * share
        edges[high] += missing * (1 - share)
    return edges


def _checked_edges(box: Float[np.ndarray, " 4"]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(edge) for edge in box)
    if not all(map(math.isfinite, (left, top, right, bottom))) or right <= left or bottom <= top:
        raise ValueError(f"box: expected finite left < right and top < bottom, got {box.tolist()}")
    return left, top, right, bottom


def _plan_axis(low: float, high: float, extent: int, size: int) -> _AxisPlan:
    """Plan of one axis of a photo of `extent` pixels, for a crop of `size`."""
    block = max(1, int((high - low) / (_KEPT_OVERSAMPLING * size)))
    # The triangle filter reaches one pixel of the crop, or of the photo if those are larger.
    reach = math.ceil((high - low) / size) + 1 + block
    start = min(max(math.floor(low) - reach, 0), extent)
    stop = min(max(math.ceil(high) + reach, 0), extent)
    stop = min(start + math.ceil((stop - start) / block) * block, extent)

    low_blocks, high_blocks = (low - start) / block, (high - start) / block
    margin = math.ceil(max(1.0, (high_blocks - low_blocks) / size)) + 1
    frame = (math.floor(low_blocks) - margin, math.ceil(high_blocks) + margin)
    return _AxisPlan(start, stop, block, low_blocks, high_blocks, frame)


def _origin_and_extent(
    box: Float[np.ndarray, "*batch 4"],
) -> tuple[Float[np.ndarray, "*batch 1 2"], Float[np.ndarray, "*batch 1 2"]]:
    origin = box[..., None, :2]
    return origin, box[..., None, 2:] - origin
