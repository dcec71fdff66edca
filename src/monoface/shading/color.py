"""Between linear RGB, where light adds up, and sRGB, where pictures are stored."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

# The pieces of the curve meet here (IEC 61966-2-1).
_SRGB_KNEE = 0.04045
_LINEAR_KNEE = 0.0031308


def srgb_to_linear(image_srgb: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Linear RGB of sRGB values; negative values follow the curve's straight part."""
    bright = image_srgb > _SRGB_KNEE
    safe = torch.where(bright, image_srgb, torch.ones_like(image_srgb))
    return torch.where(bright, ((safe + 0.055) / 1.055).pow(2.4), image_srgb / 12.92)


def linear_to_srgb(image_linear: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Values in sRGB of linear RGB values, not clamped; negative values follow the curve's straight part.

    Differentiable once.
    """
    if image_linear.device.type != "cpu" or image_linear.dtype not in (torch.float32, torch.float64):
        return linear_to_srgb_reference(image_linear)
    # Imported late, because numba takes half a second.
    from monoface.shading._numba import FusedLinearToSrgb

    fused: Tensor = FusedLinearToSrgb.apply(image_linear, _LINEAR_KNEE)
    return fused


def linear_to_srgb_reference(image_linear: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The definition of `linear_to_srgb` in plain PyTorch, for any device and for tests."""
    image_srgb: Tensor = _LinearToSrgb.apply(image_linear)
    return image_srgb


class _LinearToSrgb(torch.autograd.Function):
    """Going back without a second power: the curve's slope follows from the values on both sides."""

    @staticmethod
    def forward(ctx: Any, linear: Tensor) -> Tensor:
        bright = linear > _LINEAR_KNEE
        powers = linear.clamp_min(_LINEAR_KNEE).pow(1 / 2.4).mul_(1.055)
        ctx.save_for_backward(linear, powers)
        return torch.where(bright, powers - 0.055, 12.92 * linear)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        linear, powers = ctx.saved_tensors
        slope = powers.div(linear.clamp_min(_LINEAR_KNEE)).mul_(1 / 2.4)
        return grad * torch.where(linear > _LINEAR_KNEE, slope, 12.92)
