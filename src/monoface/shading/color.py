"""Between linear RGB, where light adds up, and sRGB, where pictures are stored."""

import torch
from jaxtyping import Float
from torch import Tensor

# The pieces of the curve meet here (IEC 61966-2-1).
_SRGB_KNEE = 0.04045
_LINEAR_KNEE = 0.0031308


def srgb_to_linear(image_srgb: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Linear RGB of sRGB values; negative values follow the curve's straight part."""
    bright = image_srgb > _SRGB_KNEE
    safe = torch.where(bright, image_srgb, torch.ones_like(image_srgb))
    return torch.where(bright, ((safe + 0.055) / 1.055).pow(2.4), image_srgb / 12.92)


def linear_to_srgb(image_linear: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Values in sRGB of linear RGB values, not clamped; negative values follow the curve's straight part."""
    bright = image_linear > _LINEAR_KNEE
    safe = torch.where(bright, image_linear, torch.ones_like(image_linear))
    return torch.where(bright, 1.055 * safe.pow(1 / 2.4) - 0.055, 12.92 * image_linear)
