"""CPU backend of `texture`: fused kernels forward and backward."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from monoface.core.kernels.tensors import empty, zeros
from monoface.core.kernels.threads import band_limits, count_bands, run_for_each
from monoface.raster._numba import texture_kernels
from monoface.raster._reference.texture import Sizes


def sample(texels: Tensor, sizes: Sizes, uv: Tensor, level: Tensor) -> Tensor:
    """See `_reference_texture.sample`."""
    sampled: Tensor = _Sample.apply(texels, uv, level, np.array(sizes, np.int64))
    return sampled


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, texels: Tensor, uv: Tensor, level: Tensor, sizes: np.ndarray) -> Tensor:
        batch, height, width, _ = uv.shape
        result = empty((batch, height, width, texels.shape[-1]), texels.dtype)
        offsets = np.concatenate(((0,), sizes.prod(axis=1).cumsum()))
        # One texture for all stays one array.
        copies = [texel.detach().contiguous().numpy() for texel in _distinct(texels)]
        pixels = [tensor.detach().contiguous().numpy() for tensor in (uv, level, result)]
        pixels[2] = result.numpy()

        def compute(task: tuple[int, tuple[int, int]]) -> None:
            b, rows = task[0], slice(*task[1])
            texture_kernels.sample(
                copies[b % len(copies)], sizes, offsets, *[array[b, rows] for array in pixels]
            )

        limits = band_limits(height, count_bands(batch))
        run_for_each(compute, [(b, band) for b in range(batch) for band in limits])
        ctx.save_for_backward(texels, uv, level)
        ctx.tables = sizes, offsets
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_result: Tensor) -> tuple[Tensor, Tensor, None, None]:
        texels, uv, level = ctx.saved_tensors
        batch, height, _, _ = uv.shape
        limits = band_limits(height, count_bands(batch))
        sums = zeros((batch, len(limits), *texels.shape[1:]), texels.dtype).numpy()
        grad_uv = empty(tuple(uv.shape), uv.dtype)
        copies = [texel.contiguous().numpy() for texel in _distinct(texels)]
        pixels = [tensor.contiguous().numpy() for tensor in (uv, level, grad_result)]
        moved = grad_uv.numpy()

        def accumulate(task: tuple[int, int]) -> None:
            b, band = task
            rows = slice(*limits[band])
            inputs = [array[b, rows] for array in pixels]
            outputs = sums[b, band], moved[b, rows]
            texture_kernels.sample_backward(copies[b % len(copies)], *ctx.tables, *inputs, *outputs)

        run_for_each(accumulate, [(b, band) for b in range(batch) for band in range(len(limits))])
        return torch.from_numpy(sums.sum(axis=1)), grad_uv, None, None


def _distinct(texels: Tensor) -> Tensor:
    """Textures of a batch, or the one that it was expanded from."""
    return texels[:1] if texels.stride(0) == 0 else texels
