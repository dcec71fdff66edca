"""The grid of 1/256 pixel on which coverage is decided, so that all backends decide alike."""

from typing import Any

import torch
from torch import Tensor

from monoface.raster._precision import LARGEST_COORDINATE_PX, SUBPIXELS


def to_grid(points_px: Tensor) -> Tensor:
    """Fixed-point coordinates of points in pixels, rounded; anything for those that are not rasterizable."""
    limited = points_px.detach().nan_to_num().clamp(-LARGEST_COORDINATE_PX, LARGEST_COORDINATE_PX)
    return (limited * SUBPIXELS + 0.5).floor().to(torch.int64)


def is_rasterizable(verts_px: Tensor, perspective: bool) -> Tensor:
    """Whether vertices are finite, on the grid and, with `perspective`, in front of the camera."""
    x, y, z = verts_px.unbind(dim=-1)
    rasterizable = (x.abs() <= LARGEST_COORDINATE_PX) & (y.abs() <= LARGEST_COORDINATE_PX) & z.isfinite()
    return rasterizable & (z > 0) if perspective else rasterizable


def edge_function(a: Tensor, b: Tensor, point: Tensor) -> Tensor:
    """Twice the signed area of (a, b, point) with y down: zero on the line from a to b."""
    (ax, ay), (bx, by), (px, py) = a.unbind(dim=-1), b.unbind(dim=-1), point.unbind(dim=-1)
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


class Snap(torch.autograd.Function):
    """Rounds to the grid; the gradient passes as if it did not."""

    @staticmethod
    def forward(ctx: Any, points_px: Tensor) -> Tensor:
        return to_grid(points_px).to(points_px.dtype) / SUBPIXELS

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class TakeValue(torch.autograd.Function):
    """The value of one tensor with the gradient of another."""

    @staticmethod
    def forward(ctx: Any, differentiable: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None
