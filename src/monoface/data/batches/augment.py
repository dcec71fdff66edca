"""Random crops of stored canvases: turned, scaled, shifted, mirrored, recoloured, partly covered.

A canvas is a square picture of a face with some surroundings; the face's crop (`roi_box`) is its middle.
Geometry is one similarity transform a sample, applied to pixels, landmarks and coefficients alike.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from monoface.data.batches._augment_kernels import crop_batch, crop_mask_batch


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
    turn = _sample_turns(rng, batch, config) * amount
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


def _sample_turns(rng: np.random.Generator, batch: int, config: AugmentConfig) -> np.ndarray:
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
    crop_batch(canvases, rows, plan.canvas_crop, plan.colour, plan.cover, plan.seeds, out)
    return out


def crop_masks(
    masks: UInt8[np.ndarray, "stored side side"],
    rows: Int[np.ndarray, " batch"],
    plan: CropPlan,
    crop_px: int,
) -> Float32[np.ndarray, "batch height width"]:
    """Crops in [0, 1] of masks of canvases; 0 outside of them, and where something covers them."""
    out = np.empty((len(rows), crop_px, crop_px), dtype=np.float32)
    crop_mask_batch(masks, rows, plan.canvas_crop, plan.cover, out)
    return out


def move_points(
    points_px: Float32[np.ndarray, "batch points 2"], plan: CropPlan
) -> Float[np.ndarray, "batch points 2"]:
    """Where points of the canvases come to lie in the crops; left and right are not renamed."""
    linear, offset = plan.canvas_crop[..., :2], plan.canvas_crop[..., 2]
    moved: np.ndarray = points_px @ linear.transpose(0, 2, 1) + offset[:, None]
    return moved
