"""Crops around eyes, both alike: upright, in widths of an eye, the outer corner at image left."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, UInt8

from monoface.detection.crops import SquareCrop, direction_rad, photo_from_array

EYE_CORNERS_68: Final = ((36, 39), (45, 42))
"""Outer and inner corner among the 68 points, of the subject's right eye and then of the left one."""


@dataclass(frozen=True)
class EyeCrop:
    """A square around one eye.

    Attributes:
        square: Where it lies in the photo; before mirroring.
        eye_px: Width of an eye, from corner to corner, in pixels of the photo: the unit of its points.
        mirrored: Whether left and right are exchanged, so that the outer corner lies at image left.
    """

    square: SquareCrop
    eye_px: float
    mirrored: bool

    def scaled(self, zoom: float) -> "EyeCrop":
        """The same eye in a photo that was resized by a factor."""
        x, y = self.square.centre_px
        square = SquareCrop((x * zoom, y * zoom), self.square.side_px * zoom, self.square.roll_rad)
        return EyeCrop(square, self.eye_px * zoom, self.mirrored)

    def sample(
        self, photo: UInt8[np.ndarray, "height width 3"], size: int
    ) -> UInt8[np.ndarray, "size size 3"]:
        """The square, resampled to `size` pixels; black outside the photo."""
        # Only what is around the square becomes a picture: photos are large, and eyes small.
        reach = self.square.side_px
        x, y = self.square.centre_px
        left, top = (max(math.floor(value - reach), 0) for value in (x, y))
        region = photo[top : max(math.ceil(y + reach), 0), left : max(math.ceil(x + reach), 0)]
        if not region.size:
            return np.zeros((size, size, 3), np.uint8)
        square = SquareCrop((x - left, y - top), self.square.side_px, self.square.roll_rad)
        picture = square.sample(photo_from_array(region), size)
        return picture[:, ::-1] if self.mirrored else picture

    def from_photo(self, points_px: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
        """Points of the photo in widths of an eye, from the square's middle; x towards the inner corner."""
        moved = (self.square.from_photo(points_px, 1) - 0.5) * (self.square.side_px / self.eye_px)
        if self.mirrored:
            moved[:, 0] *= -1
        return moved

    def to_photo(self, points: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
        """The inverse of `from_photo`."""
        moved = np.array(points, dtype=np.float64)
        if self.mirrored:
            moved[:, 0] *= -1
        return self.square.to_photo(moved * (self.eye_px / self.square.side_px) + 0.5, 1)


def eye_crops(corners_px: Float[np.ndarray, "2 2 2"], sides: float) -> tuple[EyeCrop, EyeCrop]:
    """Crops of the right and of the left eye.

    The wider of the two eyes is the measure of both, for the other one may be turned away.

    Args:
        corners_px: Outer and inner corner of the subject's right eye, then of the left one, in the photo.
        sides: Side of a square in widths of an eye.

    Raises:
        ValueError: If a corner is not finite, or the eyes have no width.
    """
    corners = np.asarray(corners_px, np.float64)
    eye_px = float(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1).max())
    if not eye_px > 0:
        raise ValueError(f"corners of eyes: expected finite points apart from each other, got {corners}")
    middle = corners.mean(axis=1)
    roll_rad = direction_rad(middle[0], middle[1])
    right, left = (
        EyeCrop(SquareCrop((float(x), float(y)), sides * eye_px, roll_rad), eye_px, mirrored)
        for (x, y), mirrored in zip(middle, (False, True), strict=True)
    )
    return right, left
