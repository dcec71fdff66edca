"""Upright pictures of faces as dlib cuts them, which is how its recognition network was taught to see.

numpy only, and equal to dlib's own cut to the last bit where the five points are whole pixels (dlib knows no
others): its pyramid of halved pictures, its bilinear samples that are rounded down, and its habits, which
the comments below name. A network's vectors are worth what its pictures have in common with those of its
training.

Reference:
    King, "Dlib-ml: A Machine Learning Toolkit", JMLR 2009; `get_face_chip` of dlib 20.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Complex, Float, UInt8, UInt16

CHIP_PX = 150
"""Side of the pictures."""

CHIP_POINTS_OF_68 = (45, 42, 36, 39, 33)
"""Rows of the 68: corners of the eye at image right, outer and inner, of that at image left, nose base."""

CHIP_TEMPLATE = (
    (0.8595674595992, 0.2134981538014), (0.6460604764104, 0.2289674387677),
    (0.1205750620789, 0.2137274526848), (0.3340850613712, 0.2290642403242),
    (0.4901123135679, 0.6277975316475),
)  # fmt: skip
"""Where the five points belong, in sides of the face; a chip has a quarter of a side more around it."""

CHIP_PADDING = 0.25
"""Border of a chip, in sides of the face."""


def chip_template(size: int = CHIP_PX) -> Float[np.ndarray, "5 2"]:
    """Where the five points belong, in pixels of a chip."""
    return (np.array(CHIP_TEMPLATE) + CHIP_PADDING) * (size / (1 + 2 * CHIP_PADDING))


def face_chip(
    image: UInt8[np.ndarray, "height width 3"], landmarks68_px: Float[np.ndarray, "68 2"], size: int = CHIP_PX
) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """Upright picture of a face, antialiased; black beyond the photo.

    Args:
        image: Photo in RGB, of any size.
        landmarks68_px: The 68 points in its pixels; five of them are used.
        size: Side of the result.

    Raises:
        ValueError: If one of the five points is not finite.
    """
    five = np.asarray(landmarks68_px, dtype=np.float64)[list(CHIP_POINTS_OF_68)]
    if not np.isfinite(five).all():
        raise ValueError(f"landmarks: expected finite corners of eyes and nose base, got {five.tolist()}")
    # dlib counts from the centre of the first pixel.
    return _cut(image, _Square.under(five - 0.5, size), size)


@dataclass(frozen=True)
class _Square:
    """Where the centres of a chip's corner pixels lie in a picture, as complex numbers x + i y.

    Attributes:
        centre: Middle of the square.
        half: From there to the middle of its right side.
    """

    centre: complex
    half: complex

    @classmethod
    def under(cls, five: Float[np.ndarray, "5 2"], size: int) -> Self:
        """The square that brings five points on to the template as nearly as a similarity can."""
        source = chip_template(size) @ (1, 1j)
        target = five @ (1, 1j)
        centred, wanted = source - source.mean(), target - target.mean()
        turn = complex(np.vdot(centred, wanted) / np.vdot(centred, centred).real)
        middle = complex(target.mean()) + turn * (size / 2 * (1 + 1j) - complex(source.mean()))
        length = abs(turn)
        # Edge pixels lie half a pixel of the *photo* inside of the edge, whatever its scale.
        half = max(size * length - 1, 0.0) / 2
        return cls(middle, half * (turn / length if length else 1.0))

    @property
    def corners(self) -> Complex[np.ndarray, " 4"]:
        """Corners in the picture."""
        return self.centre + self.half * np.array([-1 - 1j, 1 - 1j, -1 + 1j, 1 + 1j])

    def halvings(self, size: int) -> int:
        """How often the picture is halved before it is sampled: until its pixels are the larger ones."""
        count, side = 0, abs(self.half)
        while side + 1 > size:
            count, side = count + 1, side / 2
        return count

    def halved(self) -> Self:
        """The square in the halved picture. That is one pixel further; dlib has 1.25 and 0.75."""
        return type(self)(self.centre / 2 - (1.25 + 0.75j), self.half / 2)


def _cut(
    image: UInt8[np.ndarray, "height width 3"], square: _Square, size: int
) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """Sample a square: crop around it, halve, and look between pixels."""
    halvings = square.halvings(size)
    margin = 2 ** (halvings + 2) - 2
    x, y = square.corners.real, square.corners.imag
    low = np.floor([x.min() - margin + 0.5, y.min() - margin + 0.5]).clip(0)
    high = np.floor([x.max() + margin + 0.5, y.max() + margin + 0.5]) + 1
    (left, top), (right, bottom) = low.astype(int), np.minimum(high, image.shape[1::-1]).astype(int)
    part = image[top : max(bottom, top), left : max(right, left)]
    # One plane for each colour: three times as fast.
    planes: np.ndarray = np.ascontiguousarray(part.transpose(2, 0, 1))
    square = _Square(square.centre - complex(left, top), square.half)
    for _ in range(halvings):
        planes, square = _halve(planes.astype(np.uint16)), square.halved()
    return np.ascontiguousarray(_sample(planes, square, size).transpose(1, 2, 0))


def _halve(planes: UInt16[np.ndarray, "3 height width"]) -> UInt16[np.ndarray, "3 rows columns"]:
    """Smoothed by 1 4 6 4 1, and every second pixel from the third on; 256 times 255 fits into 16 bits."""
    rows, columns = (max((extent - 3) // 2, 0) for extent in planes.shape[1:])
    lines = [planes[:, at : at + 2 * rows : 2] for at in range(5)]
    low = lines[0] + lines[4] + 4 * (lines[1] + lines[3]) + 6 * lines[2]
    steps = [low[:, :, at : at + 2 * columns : 2] for at in range(5)]
    return (steps[0] + steps[4] + 4 * (steps[1] + steps[3]) + 6 * steps[2]) >> 8


def _sample(
    planes: UInt8[np.ndarray, "3 height width"] | UInt16[np.ndarray, "3 height width"],
    square: _Square,
    size: int,
) -> UInt8[np.ndarray, "3 {size} {size}"]:
    """Bilinear samples, rounded down; black where one of four neighbours is beyond the border."""
    height, width = planes.shape[1:]
    if min(height, width) < 2:
        return np.zeros((3, size, size), dtype=np.uint8)
    steps = np.linspace(-1, 1, size)
    places = (square.centre + square.half * (steps[None] + 1j * steps[:, None])).reshape(-1)
    column, row = np.floor(places.real), np.floor(places.imag)
    right, below = places.real - column, places.imag - row
    inside = (column >= 0) & (row >= 0) & (column < width - 1) & (row < height - 1)
    first = np.where(inside, row * width + column, 0).astype(np.int64)
    flat = planes.reshape(3, -1)
    upper = (1 - right) * flat[:, first] + right * flat[:, first + 1]
    lower = (1 - right) * flat[:, first + width] + right * flat[:, first + width + 1]
    blended = ((1 - below) * upper + below * lower) * inside
    return blended.astype(np.uint8).reshape(3, size, size)
