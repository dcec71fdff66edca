"""Matt shading on the CPU, fused forward and backward."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from monoface.core.arrays import empty
from monoface.core.threads import band_limits, count_bands, run_for_each
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
        grad_albedo, grad_normals = np.empty_like(albedo), np.empty_like(normals)
        grad_response = np.zeros((len(albedo), len(limits), 9, 3))

        def compute(task: tuple[int, int]) -> None:
            b, band = task
            rows = slice(*limits[band])
            points = albedo[b, rows], normals[b, rows], response[b], grads[b, rows]
            outputs = grad_albedo[b, rows], grad_normals[b, rows], grad_response[b, band]
            _kernels.shade_backward(*points, *outputs)

        run_for_each(compute, [(b, band) for b in range(len(albedo)) for band in range(len(limits))])
        total = torch.from_numpy(grad_response.sum(axis=1).astype(response.dtype))
        return torch.from_numpy(grad_albedo), torch.from_numpy(grad_normals), total
