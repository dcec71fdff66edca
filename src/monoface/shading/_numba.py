"""Matt shading and the sRGB curve on the CPU, fused forward and backward."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from monoface.core.kernels.tensors import empty
from monoface.core.kernels.threads import band_limits, count_bands, run_for_each
from monoface.shading import _kernels


class FusedShade(torch.autograd.Function):
    """Albedo (batch, points, 3) times the light that response (batch, 9, 3) gives each unit normal."""

    @staticmethod
    def forward(ctx: Any, albedo: Tensor, normals: Tensor, response: Tensor) -> Tensor:
        """See `harmonics.shade`; the response is light times cosine lobe and 1 / pi."""
        radiance = empty(tuple(albedo.shape), albedo.dtype)
        inputs = [tensor.detach().contiguous() for tensor in (albedo, normals, response)]
        colours, directions, responses = (tensor.numpy() for tensor in inputs)
        result = radiance.numpy()

        def compute(task: tuple[int, tuple[int, int]]) -> None:
            b, rows = task[0], slice(*task[1])
            _kernels.shade(colours[b, rows], directions[b, rows], responses[b], result[b, rows])

        limits = band_limits(albedo.shape[1], count_bands(len(albedo)))
        run_for_each(compute, [(b, band) for b in range(len(albedo)) for band in limits])
        ctx.save_for_backward(*inputs)
        return radiance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_radiance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients with respect to albedo, normals and response."""
        albedo, normals, response = (tensor.numpy() for tensor in ctx.saved_tensors)
        grads = grad_radiance.contiguous().numpy()
        limits = band_limits(albedo.shape[1], count_bands(len(albedo)))
        grad_albedo, grad_normals = (empty(albedo.shape, grad_radiance.dtype) for _ in range(2))
        colours, directions = grad_albedo.numpy(), grad_normals.numpy()
        grad_response = np.zeros((len(albedo), len(limits), 9, 3))

        def compute(task: tuple[int, int]) -> None:
            b, band = task
            rows = slice(*limits[band])
            points = albedo[b, rows], normals[b, rows], response[b], grads[b, rows]
            outputs = colours[b, rows], directions[b, rows], grad_response[b, band]
            _kernels.shade_backward(*points, *outputs)

        run_for_each(compute, [(b, band) for b in range(len(albedo)) for band in range(len(limits))])
        total = torch.from_numpy(grad_response.sum(axis=1).astype(response.dtype))
        return grad_albedo, grad_normals, total


class FusedLinearToSrgb(torch.autograd.Function):
    """The sRGB curve of any shape in float32 or float64; without a second power on the way back."""

    @staticmethod
    def forward(ctx: Any, linear: Tensor, knee: float) -> Tensor:
        """See `color.linear_to_srgb`; the curve is straight up to the knee."""
        linear = linear.contiguous()
        powers, image_srgb = (empty(tuple(linear.shape), linear.dtype) for _ in range(2))
        # PyTorch's power is several times as fast as numba's.
        torch.clamp_min(linear, knee, out=powers).pow_(1 / 2.4)
        values, raised, result = (
            tensor.detach().flatten().numpy() for tensor in (linear, powers, image_srgb)
        )

        def compute(band: tuple[int, int]) -> None:
            part = slice(*band)
            _kernels.srgb_of_powers(values[part], raised[part], knee, result[part])

        run_for_each(compute, band_limits(len(values), count_bands(1)))
        ctx.save_for_backward(linear, powers)
        ctx.knee = knee
        return image_srgb

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """Gradient with respect to the linear values."""
        grad_linear = empty(tuple(grad.shape), grad.dtype)
        arrays = [tensor.detach().flatten().numpy() for tensor in (*ctx.saved_tensors, grad, grad_linear)]

        def compute(band: tuple[int, int]) -> None:
            values, raised, grads, result = (array[slice(*band)] for array in arrays)
            _kernels.srgb_of_powers_backward(values, raised, ctx.knee, grads, result)

        run_for_each(compute, band_limits(grad.numel(), count_bands(1)))
        return grad_linear, None
