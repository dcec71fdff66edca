"""View synthesis on the CPU: reprojection, the test of depths and sampling in one kernel each way."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from monoface.core.kernels.tensors import empty
from monoface.core.kernels.threads import band_limits, count_bands, run_for_each
from monoface.render import _warping_kernels


class FusedWarp(torch.autograd.Function):
    """The fields of `warping.WarpedView` from image and depth of the source, target depth and matrix."""

    @staticmethod
    def forward(
        ctx: Any, image: Tensor, depth_source: Tensor, depth_target: Tensor, matrix: Tensor,
        pinholes: tuple[bool, bool], tolerance_mm: float,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
        """See `warping.warp_source`; `pinholes` says which cameras are, the target's and the source's."""
        inputs = [tensor.detach().contiguous() for tensor in (image, depth_source, depth_target, matrix)]
        batch, height, width = depth_target.shape
        result = empty((batch, image.shape[1], height, width), image.dtype)
        warped, sampled = (empty((batch, height, width), image.dtype) for _ in range(2))
        covisible = torch.empty(depth_target.shape, dtype=torch.bool)
        arrays = [tensor.numpy() for tensor in inputs]
        results = [tensor.numpy() for tensor in (result, warped, sampled, covisible)]

        def compute(task: tuple[int, tuple[int, int]]) -> None:
            b, band = task
            options = *pinholes, tolerance_mm, np.array(band)
            _warping_kernels.warp(*(array[b] for array in arrays), *options, *(out[b] for out in results))

        bands = band_limits(height, count_bands(batch))
        run_for_each(compute, [(b, band) for b in range(batch) for band in bands])
        ctx.save_for_backward(*inputs, covisible)
        ctx.pinholes = pinholes
        ctx.mark_non_differentiable(covisible)
        return result, warped, sampled, covisible

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad: Tensor, grad_warped: Tensor, grad_sampled: Tensor, _: Tensor
    ) -> tuple[Tensor | None, Tensor, Tensor, Tensor, None, None]:
        """Gradients of all floats; each picture's is summed in one order, whatever the threads."""
        *inputs, covisible = (tensor.numpy() for tensor in ctx.saved_tensors)
        image, depth_source, depth_target, matrix = inputs
        grads = [one.contiguous().numpy() for one in (grad, grad_warped, grad_sampled)]
        wants_image = ctx.needs_input_grad[0]
        channels = image.shape[1] if wants_image else 0
        grad_image = np.zeros((len(image), channels, *image.shape[2:]), image.dtype)
        outputs = grad_image, np.zeros_like(depth_source), np.zeros_like(depth_target), np.zeros(matrix.shape)

        def compute(b: int) -> None:
            rest = covisible[b], *(one[b] for one in grads), *(out[b] for out in outputs)
            _warping_kernels.warp_backward(*(array[b] for array in inputs), *ctx.pinholes, *rest)

        run_for_each(compute, range(len(image)))
        first, *others, grad_matrix = outputs
        total = torch.from_numpy(grad_matrix.astype(matrix.dtype))
        to_source, to_target = (torch.from_numpy(other) for other in others)
        return torch.from_numpy(first) if wants_image else None, to_source, to_target, total, None, None
