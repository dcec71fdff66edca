"""The sRGB curve in plain PyTorch, with its slope."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class LinearToSrgb(torch.autograd.Function):
    """Going back without a second power: the curve's slope follows from the values on both sides."""

    @staticmethod
    def forward(ctx: Any, linear: Tensor, knee: float) -> Tensor:
        """See `color.linear_to_srgb`; the curve is straight up to the knee."""
        bright = linear > knee
        powers = linear.clamp_min(knee).pow(1 / 2.4).mul_(1.055)
        ctx.save_for_backward(linear, powers)
        ctx.knee = knee
        return torch.where(bright, powers - 0.055, 12.92 * linear)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """Gradient with respect to the linear values."""
        (linear, powers), knee = ctx.saved_tensors, ctx.knee
        slope = powers.div(linear.clamp_min(knee)).mul_(1 / 2.4)
        return grad * torch.where(linear > knee, slope, 12.92), None
