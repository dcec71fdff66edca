"""Pictures in numpy, sampled at points or made larger and smaller: as PyTorch does it.

Pictures are (height, width, channels), and pixel (0, 0) covers [0, 1) x [0, 1).
"""

from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float

Filter = Literal["bilinear", "bicubic"]

# Of the cubic that PyTorch and OpenCV take.
_CUBIC = -0.75


def sample_bilinear(
    image: Float[np.ndarray, "height width channels"], points_px: Float[np.ndarray, "points 2"]
) -> Float[np.ndarray, "points channels"]:
    """Values between pixels' centres; beyond the border it continues."""
    height, width = image.shape[:2]
    place = (points_px - 0.5).clip(0, np.array((width - 1, height - 1), points_px.dtype))
    low = np.floor(place).astype(np.int64)
    (x0, y0), (fx, fy) = low.T, (place - low).T[..., None]
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    top = image[y0, x0] * (1 - fx) + image[y0, x1] * fx
    bottom = image[y1, x0] * (1 - fx) + image[y1, x1] * fx
    return (top * (1 - fy) + bottom * fy).astype(image.dtype, copy=False)


def resized(
    image: Float[np.ndarray, "height width channels"], size: tuple[int, int], kind: Filter
) -> Float[np.ndarray, "rows columns channels"]:
    """A picture at another size, sampled without averaging; beyond the border it continues."""
    if image.shape[:2] == size:
        return image
    down, across = (_weights(*pair, kind) for pair in zip(image.shape[:2], size, strict=True))
    rows = np.tensordot(down.astype(image.dtype), image, axes=1)
    return across.astype(image.dtype) @ rows


def halved(
    image: Float[np.ndarray, "height width channels"],
) -> Float[np.ndarray, "rows columns channels"]:
    """Means of squares of four pixels; of two or one at borders, where sides are odd."""
    for axis in (0, 1):
        image = image.swapaxes(0, axis)
        if len(image) % 2:
            image = np.concat((image, image[-1:]))
        image = ((image[::2] + image[1::2]) / 2).swapaxes(0, axis)
    return image


def averaged(
    image: Float[np.ndarray, "height width channels"], factor: int
) -> Float[np.ndarray, "rows columns channels"]:
    """Means of whole squares of pixels; what is left over at the ends is dropped."""
    rows, columns = (extent // factor for extent in image.shape[:2])
    whole = image[: rows * factor, : columns * factor]
    return whole.reshape(rows, factor, columns, factor, -1).mean(axis=(1, 3), dtype=image.dtype)


@lru_cache(maxsize=64)
def _weights(size: int, wanted: int, kind: Filter) -> Float[np.ndarray, "wanted size"]:
    """What each pixel of a row takes of those that it is made of."""
    place = (np.arange(wanted) + 0.5) * (size / wanted) - 0.5
    if kind == "bilinear":
        place = place.clip(0)
    low = np.floor(place).astype(np.int64)
    part = place - low
    if kind == "bilinear":
        taps = {0: 1 - part, 1: part}
    else:
        taps = {
            -1: _far_cubic(part + 1), 0: _near_cubic(part), 1: _near_cubic(1 - part), 2: _far_cubic(2 - part)
        }  # fmt: skip
    weights = np.zeros((wanted, size))
    for offset, weight in taps.items():
        np.add.at(weights, (np.arange(wanted), (low + offset).clip(0, size - 1)), weight)
    return weights


def _near_cubic(x: Float[np.ndarray, " count"]) -> Float[np.ndarray, " count"]:
    return ((_CUBIC + 2) * x - (_CUBIC + 3)) * x * x + 1


def _far_cubic(x: Float[np.ndarray, " count"]) -> Float[np.ndarray, " count"]:
    return ((_CUBIC * x - 5 * _CUBIC) * x + 8 * _CUBIC) * x - 4 * _CUBIC
