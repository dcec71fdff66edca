"""Random crops of stored canvases: turned, scaled, shifted, mirrored, recoloured, partly covered.

A canvas is a square picture of a face with some surroundings; the face's crop (`roi_box`) is its middle.
Geometry is one similarity transform a sample, applied to pixels, landmarks and coefficients alike.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8
from numba import njit


@dataclass(frozen=True)
class AugmentConfig:
    """How much crops vary.

    Attributes:
        turn_deg: Standard deviation of the turn in the picture plane.
        tumble: Probability of any turn up to `tumble_deg` instead: some photos show people lying down.
        tumble_deg: Largest such turn, either way.
        scale: Standard deviation of the logarithm of the size.
        shift: Standard deviation of the shift, in parts of the crop.
        mirror: Probability of mirroring.
        grey: Probability of losing all colour.
        colour: Standard deviation of the gain of each channel, and of brightness.
        blur: Probability of being seen at lower resolution.
        cover: Probability that something covers a part.
        noise: Largest standard deviation of pixel noise.
    """

    turn_deg: float = 12.0
    tumble: float = 0.12
    tumble_deg: float = 110.0
    scale: float = 0.06
    shift: float = 0.035
    mirror: float = 0.5
    grey: float = 0.1
    colour: float = 0.15
    blur: float = 0.2
    cover: float = 0.25
    noise: float = 0.04


@dataclass(frozen=True)
class CropPlan:
    """The random choices for a batch, drawn before any pixel is touched.

    Attributes:
        canvas_crop: For each sample the 2 x 3 matrix from canvas pixels to crop pixels.
        turn_rad: Turn of the picture, clockwise as seen, after mirroring.
        zoom: Crop pixels a canvas pixel.
        mirrored: Whether left and right are exchanged before the turn.
        colour: For each sample gain and offset of each channel, exponent, grey share, low-resolution
            step (1 for none) and standard deviation of noise, in this order: 10 numbers.
        cover: Centre, half axes, turn, kind (0 none, 1 ellipse, 2 rectangle) and colour: 9 numbers.
        seeds: Of the noise.
    """

    canvas_crop: Float32[np.ndarray, "batch 2 3"]
    turn_rad: Float32[np.ndarray, " batch"]
    zoom: Float32[np.ndarray, " batch"]
    mirrored: Int[np.ndarray, " batch"]
    colour: Float32[np.ndarray, "batch 10"]
    cover: Float32[np.ndarray, "batch 9"]
    seeds: Int[np.ndarray, " batch"]

    def __getitem__(self, rows: Int[np.ndarray, " rows"]) -> "CropPlan":
        return CropPlan(**{name: values[rows] for name, values in vars(self).items()})


def plan_crops(
    rng: np.random.Generator,
    batch: int,
    canvas_px: int,
    face_px: int,
    crop_px: int,
    config: AugmentConfig | None,
) -> CropPlan:
    """Draw the choices for a batch.

    Args:
        rng: Where randomness comes from.
        batch: Number of samples.
        canvas_px: Side of the canvases.
        face_px: Side of the face's crop in the middle of the canvas.
        crop_px: Side of the crops to make.
        config: How much to vary; None cuts out the middle unchanged.
    """
    normal, uniform = rng.standard_normal, rng.random
    amount = 0.0 if config is None else 1.0
    config = config or AugmentConfig(tumble=0, mirror=0, grey=0, blur=0, cover=0, noise=0)
    turn = _draw_turns(rng, batch, config) * amount
    zoom = crop_px / face_px * np.exp(np.clip(normal(batch), -2.5, 2.5) * config.scale * amount)
    shift = np.clip(normal((batch, 2)), -2.5, 2.5) * config.shift * crop_px * amount
    mirrored = uniform(batch) < config.mirror

    cosine, sine = np.cos(turn) * zoom, np.sin(turn) * zoom
    side = np.where(mirrored, -1.0, 1.0)
    linear = np.stack((np.stack((cosine * side, -sine), -1), np.stack((sine * side, cosine), -1)), -2)
    centre = np.full(2, canvas_px / 2)
    offset = crop_px / 2 + shift - linear @ centre

    gains = np.exp(
        normal((batch, 3)) * config.colour * 0.5 * amount + normal((batch, 1)) * config.colour * amount
    )
    offsets = np.repeat(normal((batch, 1)) * 0.05 * amount, 3, axis=1)
    exponent = np.exp(normal((batch, 1)) * config.colour * amount)
    grey = (uniform((batch, 1)) < config.grey).astype(float)
    step = np.where(uniform((batch, 1)) < config.blur, 1.5 + 2.0 * uniform((batch, 1)), 1.0)
    noise = uniform((batch, 1)) ** 3 * config.noise
    return CropPlan(
        canvas_crop=np.concatenate((linear, offset[..., None]), axis=-1).astype(np.float32),
        turn_rad=turn.astype(np.float32),
        zoom=zoom.astype(np.float32),
        mirrored=mirrored.astype(np.int64),
        colour=np.concatenate((gains, offsets, exponent, grey, step, noise), axis=1).astype(np.float32),
        cover=_plan_cover(rng, batch, crop_px, config.cover),
        seeds=rng.integers(1, 2**31, batch),
    )


def _draw_turns(rng: np.random.Generator, batch: int, config: AugmentConfig) -> np.ndarray:
    """Turns in the picture plane, in radians: mostly small, now and then any."""
    usual = np.clip(rng.standard_normal(batch), -3, 3) * config.turn_deg
    any_turn = rng.uniform(-config.tumble_deg, config.tumble_deg, batch)
    return np.deg2rad(np.where(rng.random(batch) < config.tumble, any_turn, usual))


def _plan_cover(rng: np.random.Generator, batch: int, crop_px: int, probability: float) -> np.ndarray:
    uniform = rng.random
    centre = uniform((batch, 2)) * crop_px
    half_axes = (0.08 + 0.2 * uniform((batch, 2))) * crop_px
    kind = np.where(uniform((batch, 1)) < probability, rng.integers(1, 3, (batch, 1)), 0)
    turn = uniform((batch, 1)) * math.pi
    return np.concatenate((centre, half_axes, turn, kind, uniform((batch, 3))), axis=1).astype(np.float32)


def crop_canvases(
    canvases: UInt8[np.ndarray, "stored side side 3"],
    rows: Int[np.ndarray, " batch"],
    plan: CropPlan,
    crop_px: int,
) -> Float32[np.ndarray, "batch height width 3"]:
    """Crops in [0, 1] of given canvases; black outside of them."""
    out = np.empty((len(rows), crop_px, crop_px, 3), dtype=np.float32)
    _crop_batch(canvases, rows, plan.canvas_crop, plan.colour, plan.cover, plan.seeds, out)
    return out


def crop_masks(
    masks: UInt8[np.ndarray, "stored side side"],
    rows: Int[np.ndarray, " batch"],
    plan: CropPlan,
    crop_px: int,
) -> Float32[np.ndarray, "batch height width"]:
    """Crops in [0, 1] of masks of canvases; 0 outside of them, and where something covers them."""
    out = np.empty((len(rows), crop_px, crop_px), dtype=np.float32)
    _crop_masks(masks, rows, plan.canvas_crop, plan.cover, out)
    return out


def move_points(
    points_px: Float32[np.ndarray, "batch points 2"], plan: CropPlan
) -> Float[np.ndarray, "batch points 2"]:
    """Where points of the canvases come to lie in the crops; left and right are not renamed."""
    linear, offset = plan.canvas_crop[..., :2], plan.canvas_crop[..., 2]
    moved: np.ndarray = points_px @ linear.transpose(0, 2, 1) + offset[:, None]
    return moved


@njit(cache=True, nogil=True)
def _crop_batch(
    canvases: np.ndarray,
    rows: np.ndarray,
    matrices: np.ndarray,
    colours: np.ndarray,
    covers: np.ndarray,
    seeds: np.ndarray,
    out: np.ndarray,
) -> None:
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
def _crop_masks(
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
