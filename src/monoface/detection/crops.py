"""Square crops of a photo, turned and resampled, and the way back to the photo's pixels."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from monoface.core.errors import ImageError

# Of the 68 landmarks.
_RIGHT_EYE, _LEFT_EYE, _LIPS = slice(36, 42), slice(42, 48), slice(48, 68)


@dataclass(frozen=True)
class SquareCrop:
    """A square of a photo, possibly turned in the picture plane and reaching beyond the borders.

    Attributes:
        centre_px: Centre (x, y) in the photo.
        side_px: Side in pixels of the photo.
        roll_rad: Direction of the crop's x axis in the photo, clockwise as seen (y points down): the crop
            of a head whose eye line runs at this angle is upright.
    """

    centre_px: tuple[float, float]
    side_px: float
    roll_rad: float = 0.0

    @classmethod
    def from_box(cls, box: Float[np.ndarray, " 4"], scale: float, roll_rad: float = 0.0) -> Self:
        """Square of `scale` times the longer side of a box (x0, y0, x1, y1), around its centre."""
        x0, y0, x1, y1 = (float(value) for value in box)
        side = scale * max(x1 - x0, y1 - y0)
        return cls(((x0 + x1) / 2, (y0 + y1) / 2), side, roll_rad)

    @classmethod
    def around_points(cls, points_px: Float[np.ndarray, "points 2"], scale: float, roll_rad: float) -> Self:
        """Square of `scale` times the longer extent of points, measured along the turned axes."""
        turned = points_px @ _rotation(-roll_rad).T
        low, high = turned.min(axis=0), turned.max(axis=0)
        x, y = _rotation(roll_rad) @ ((low + high) / 2)
        return cls((float(x), float(y)), scale * float((high - low).max()), roll_rad)

    def to_photo(
        self, points: Float[np.ndarray, "*batch dims"], size: int
    ) -> Float[np.ndarray, "*batch dims"]:
        """Map points (x, y) or (x, y, depth) from the crop resampled to `size` pixels to the photo.

        Depth only changes its scale.
        """
        zoom = self.side_px / size
        mapped = points * zoom
        mapped[..., :2] = (points[..., :2] - size / 2) * zoom @ _rotation(self.roll_rad).T + self.centre_px
        return mapped

    def from_photo(self, points: Float[np.ndarray, "*batch 2"], size: int) -> Float[np.ndarray, "*batch 2"]:
        """Map points (x, y) of the photo to the crop at `size` pixels: the inverse of `to_photo`."""
        return (points - self.centre_px) @ _rotation(-self.roll_rad).T * (size / self.side_px) + size / 2

    def zoomed(self, zoom: float) -> Self:
        """The same part of the photo once it has `zoom` times as many pixels along each axis."""
        x, y = self.centre_px
        return type(self)((zoom * x, zoom * y), zoom * self.side_px, self.roll_rad)

    def sample(
        self, photo: Image.Image | UInt8[np.ndarray, "height width 3"], size: int
    ) -> UInt8[np.ndarray, "size size 3"]:
        """Resample the crop to `size` pixels; black outside the photo.

        Shrinking averages blocks of whole pixels first, so that fine texture does not alias.
        """
        corners = self.to_photo(np.array([[0.0, 0.0], [size, 0.0], [size, size], [0.0, size]]), size)
        left, top = np.maximum(np.floor(corners.min(axis=0)) - 2, 0).astype(int)
        extent = photo.size if isinstance(photo, Image.Image) else photo.shape[1::-1]
        right, bottom = np.minimum(np.ceil(corners.max(axis=0)) + 2, extent).astype(int)
        if right <= left or bottom <= top:
            return np.zeros((size, size, 3), dtype=np.uint8)

        factor = max(1, round(self.side_px / size))
        region = _reduced(photo, factor, (int(left), int(top), int(right), int(bottom)))
        step = _rotation(self.roll_rad) * (self.side_px / size / factor)
        offset = (corners[0] - (left, top)) / factor
        matrix = (step[0, 0], step[0, 1], offset[0], step[1, 0], step[1, 1], offset[1])
        turned = region.transform(
            (size, size), Image.Transform.AFFINE, matrix, resample=Image.Resampling.BILINEAR
        )
        return np.asarray(turned)


def _reduced(
    photo: Image.Image | UInt8[np.ndarray, "height width 3"], factor: int, box: tuple[int, int, int, int]
) -> Image.Image:
    """Part of a photo, blocks of `factor` x `factor` pixels averaged; of an array no more is converted."""
    if isinstance(photo, Image.Image):
        return photo.reduce(factor, box=box)
    left, top, right, bottom = box
    return Image.fromarray(np.ascontiguousarray(photo[top:bottom, left:right])).reduce(factor)


def photo_from_array(image: np.ndarray) -> Image.Image:
    """Check that an array is an RGB picture (height, width, 3) and make it a Pillow image.

    Raises:
        ImageError: If the array is not (height, width, 3) of uint8, or empty.
    """
    check_rgb(image)
    return Image.fromarray(np.ascontiguousarray(image))


def check_rgb(image: np.ndarray) -> None:
    """Check that an array is an RGB picture (height, width, 3).

    Raises:
        ImageError: If the array is not (height, width, 3) of uint8, or empty.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ImageError(
            f"image: expected a non-empty uint8 array (height, width, 3), got {image.dtype} {image.shape}. "
            "Convert the picture to 8-bit RGB first."
        )


def direction_rad(start: Float[np.ndarray, " dims"], end: Float[np.ndarray, " dims"]) -> float:
    """Angle of the way from one point to another in the picture plane; 0 to the right, clockwise as seen."""
    return math.atan2(float(end[1] - start[1]), float(end[0] - start[0]))


def face_axes(
    right_eye: Float[np.ndarray, " 2"], left_eye: Float[np.ndarray, " 2"], mouth: Float[np.ndarray, " 2"]
) -> tuple[Float[np.ndarray, " 2"], Float[np.ndarray, " 2"]]:
    """Two ways across a face to the subject's left: between the eyes, and square to that from eyes to mouth.

    Their directions are the roll of the head. In a profile the first is short, so their sum is sure in any
    pose.

    Args:
        right_eye: Of the subject; x, y in pixels, y down.
        left_eye: Likewise.
        mouth: Its middle.
    """
    down = mouth - (left_eye + right_eye) / 2
    return left_eye - right_eye, np.array((down[1], -down[0]))


def roll_of_landmarks(points_px: Float[np.ndarray, "68 2"]) -> float:
    """Roll of a head by its 68 landmarks, clockwise as seen, in radians."""
    eyes, across = face_axes(*(points_px[part].mean(axis=0) for part in (_RIGHT_EYE, _LEFT_EYE, _LIPS)))
    return direction_rad(np.zeros(2), eyes + across)


def _rotation(angle_rad: float) -> Float[np.ndarray, "2 2"]:
    cosine, sine = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[cosine, -sine], [sine, cosine]])
