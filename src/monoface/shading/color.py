"""Between linear RGB, where light adds up, and sRGB, where pictures are stored."""

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import Array, namespace

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Shares of red, green and blue in how bright light is (ITU-R BT.709)."""

# The pieces of the curve meet here (IEC 61966-2-1).
_SRGB_KNEE = 0.04045
_LINEAR_KNEE = 0.0031308


def srgb_to_linear(image_srgb: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Linear RGB of sRGB values; negative values follow the curve's straight part."""
    bright = image_srgb > _SRGB_KNEE
    xp = namespace(image_srgb)
    safe = xp.where(bright, image_srgb, xp.ones_like(image_srgb))
    return xp.where(bright, ((safe + 0.055) / 1.055) ** 2.4, image_srgb / 12.92)


def linear_to_srgb(image_linear: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Values in sRGB of linear RGB values, not clamped; negative values follow the curve's straight part.

    Differentiable once.
    """
    if isinstance(image_linear, np.ndarray):
        powers = 1.055 * image_linear.clip(_LINEAR_KNEE) ** (1 / 2.4)
        return np.where(image_linear > _LINEAR_KNEE, powers - 0.055, 12.92 * image_linear)
    torch = namespace(image_linear)
    if image_linear.device.type != "cpu" or image_linear.dtype not in (torch.float32, torch.float64):
        return linear_to_srgb_reference(image_linear)
    # Imported late, because numba takes half a second.
    from monoface.shading._numba import FusedLinearToSrgb

    return FusedLinearToSrgb.apply(image_linear, _LINEAR_KNEE)


def linear_to_srgb_reference(image_linear: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The definition of `linear_to_srgb` in plain PyTorch, for any device and for tests."""
    from monoface.shading._srgb_torch import LinearToSrgb

    return LinearToSrgb.apply(image_linear, _LINEAR_KNEE)
