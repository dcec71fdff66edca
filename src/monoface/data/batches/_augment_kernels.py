"""Kernels that cut, recolour and cover crops of canvases, sample by sample; see `augment`."""

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def crop_batch(
    canvases: np.ndarray,
    rows: np.ndarray,
    matrices: np.ndarray,
    colours: np.ndarray,
    covers: np.ndarray,
    seeds: np.ndarray,
    out: np.ndarray,
) -> None:
    """Crops of given canvases as planned, into `out`, in [0, 1]."""
    for sample in range(len(rows)):
        _crop_one(canvases[rows[sample]], matrices[sample], colours[sample], out[sample])
        _cover(out[sample], covers[sample])
        _add_noise(out[sample], colours[sample, 9], seeds[sample])


@njit(cache=True, nogil=True, fastmath=True)
def _crop_one(canvas: np.ndarray, matrix: np.ndarray, colour: np.ndarray, out: np.ndarray) -> None:
    table = _colour_table(colour)
    grey, step = colour[7] > 0.5, colour[8]
    a, b, c, d = matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1]
    inverse = np.float32(1.0) / (a * d - b * c)
    size = out.shape[0]
    pixel = np.zeros(3, dtype=np.float32)
    for row in range(size):
        for column in range(size):
            # A coarser step repeats samples: the picture of a worse camera.
            x_crop, y_crop = np.float32(column + 0.5), np.float32(row + 0.5)
            if step > 1.0:
                x_crop = np.float32((math.floor(x_crop / step) + 0.5) * step)
                y_crop = np.float32((math.floor(y_crop / step) + 0.5) * step)
            x_crop, y_crop = x_crop - matrix[0, 2], y_crop - matrix[1, 2]
            x = (d * x_crop - b * y_crop) * inverse - np.float32(0.5)
            y = (a * y_crop - c * x_crop) * inverse - np.float32(0.5)
            _sample(canvas, x, y, pixel)
            if grey:
                pixel[:] = (pixel[0] + pixel[1] + pixel[2]) / 3
            for channel in range(3):
                out[row, column, channel] = table[channel, int(pixel[channel] + 0.5)]


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _sample(canvas: np.ndarray, x: np.float32, y: np.float32, pixel: np.ndarray) -> None:
    """Bilinear sample in 0..255; black outside of the canvas."""
    side = canvas.shape[0]
    left, top = math.floor(x), math.floor(y)
    if left < 0 or top < 0 or left >= side - 1 or top >= side - 1:
        pixel[:] = 0
        return
    right_share, bottom_share = x - np.float32(left), y - np.float32(top)
    left_share, top_share = np.float32(1) - right_share, np.float32(1) - bottom_share
    for channel in range(3):
        above = left_share * canvas[top, left, channel] + right_share * canvas[top, left + 1, channel]
        below = left_share * canvas[top + 1, left, channel] + right_share * canvas[top + 1, left + 1, channel]
        pixel[channel] = top_share * above + bottom_share * below


@njit(cache=True, nogil=True, fastmath=True)
def crop_mask_batch(
    masks: np.ndarray, rows: np.ndarray, matrices: np.ndarray, covers: np.ndarray, out: np.ndarray
) -> None:
    size, side = out.shape[1], masks.shape[1]
    for sample in range(len(rows)):
        mask, matrix, cover = masks[rows[sample]], matrices[sample], covers[sample]
        cosine, sine = math.cos(cover[4]), math.sin(cover[4])
        a, b, c, d = matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1]
        inverse = np.float32(1.0) / (a * d - b * c)
        for row in range(size):
            for column in range(size):
                x_crop, y_crop = np.float32(column + 0.5), np.float32(row + 0.5)
                value = np.float32(0)
                if not _is_covered(cover, cosine, sine, column + 0.5, row + 0.5):
                    x_crop, y_crop = x_crop - matrix[0, 2], y_crop - matrix[1, 2]
                    x = (d * x_crop - b * y_crop) * inverse - np.float32(0.5)
                    y = (a * y_crop - c * x_crop) * inverse - np.float32(0.5)
                    left, top = math.floor(x), math.floor(y)
                    if left >= 0 and top >= 0 and left < side - 1 and top < side - 1:
                        right_share, bottom_share = x - np.float32(left), y - np.float32(top)
                        left_share = np.float32(1) - right_share
                        above = left_share * mask[top, left] + right_share * mask[top, left + 1]
                        below = left_share * mask[top + 1, left] + right_share * mask[top + 1, left + 1]
                        value = (np.float32(1) - bottom_share) * above + bottom_share * below
                out[sample, row, column] = value / np.float32(255)


@njit(cache=True, nogil=True)
def _colour_table(colour: np.ndarray) -> np.ndarray:
    """Recoloured value of each 8-bit value, for each channel."""
    table = np.empty((3, 256), dtype=np.float32)
    for value in range(256):
        bent = (value / 255.0) ** colour[6]
        for channel in range(3):
            table[channel, value] = min(max(bent * colour[channel] + colour[3 + channel], 0.0), 1.0)
    return table


@njit(cache=True, nogil=True)
def _cover(out: np.ndarray, cover: np.ndarray) -> None:
    if cover[5] == 0.0:
        return
    size = out.shape[0]
    cosine, sine = math.cos(cover[4]), math.sin(cover[4])
    for row in range(size):
        for column in range(size):
            if _is_covered(cover, cosine, sine, column + 0.5, row + 0.5):
                out[row, column, :] = cover[6:9]


@njit(cache=True, nogil=True, inline="always")
def _is_covered(cover: np.ndarray, cosine: float, sine: float, x: float, y: float) -> bool:
    """Whether a pixel of the crop lies beneath what covers a part of it."""
    if cover[5] == 0.0:
        return False
    u = (cosine * (x - cover[0]) + sine * (y - cover[1])) / cover[2]
    v = (cosine * (y - cover[1]) - sine * (x - cover[0])) / cover[3]
    inside: bool = u * u + v * v < 1.0 if cover[5] == 1.0 else max(abs(u), abs(v)) < 1.0
    return inside


@njit(cache=True, nogil=True)
def _add_noise(out: np.ndarray, deviation: float, seed: int) -> None:
    """Add the same grain to all channels: the sum of four random bytes, about a normal distribution."""
    if deviation < 0.004:
        return
    state = np.uint32(seed)
    size = out.shape[0]
    scale = deviation / 147.8
    for row in range(size):
        for column in range(size):
            state ^= np.uint32(state << np.uint32(13))
            state ^= np.uint32(state >> np.uint32(17))
            state ^= np.uint32(state << np.uint32(5))
            total = (state & 255) + ((state >> 8) & 255) + ((state >> 16) & 255) + ((state >> 24) & 255)
            grain = (total - 510.0) * scale
            for channel in range(3):
                out[row, column, channel] = min(max(out[row, column, channel] + grain, 0.0), 1.0)
