"""Light at pixels on the CPU: blending, normals and shading in one kernel forward and one backward."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from monoface.core.kernels.compiled import Array
from monoface.core.kernels.tensors import empty, zeros
from monoface.core.kernels.threads import band_limits, count_bands, run_for_each
from monoface.render import _shading_kernels


class FusedShadePixels(torch.autograd.Function):
    """Radiance (batch, 3, height, width) from normals and albedo at vertices, response and fragments."""

    @staticmethod
    def forward(
        ctx: Any, normals: Tensor, albedo: Tensor, response: Tensor, barycentric: Tensor, faces: Tensor,
        face_index: Tensor,
    ) -> Tensor:  # fmt: skip
        """See `shaded.shade_pixels`; the response (batch, 9, 3) is `harmonics.matt_response`."""
        batch, height, width = face_index.shape
        radiance = empty((batch, 3, height, width), normals.dtype)
        inputs = [_of_pictures(tensor) for tensor in (normals, albedo, response, barycentric, face_index)]
        corners, result = faces.contiguous().numpy(), radiance.numpy().reshape(batch, 3, -1)

        def compute(task: tuple[int, tuple[int, int]]) -> None:
            b, band = task
            n, a, r, weights, seen = (arrays[b] for arrays in inputs)
            _shading_kernels.shade_pixels(n, a, r, corners, seen, weights, *band, result[b])

        limits = band_limits(height * width, count_bands(batch))
        run_for_each(compute, [(b, band) for b in range(batch) for band in limits])
        ctx.save_for_backward(normals, albedo, response, barycentric, faces, face_index)
        return radiance

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_radiance: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor, None, None]:
        """Gradients of all floats; each picture's is summed in one order, whatever the threads."""
        normals, albedo, response, barycentric, faces, face_index = ctx.saved_tensors
        _, wants_albedo, wants_response, *_ = ctx.needs_input_grad
        inputs = [_of_pictures(tensor) for tensor in (normals, albedo, response, barycentric, face_index)]
        corners, grads = faces.contiguous().numpy(), grad_radiance.contiguous().flatten(2).numpy()
        grad_normals = zeros(tuple(normals.shape), normals.dtype).numpy()
        grad_albedo = zeros((len(albedo), albedo.shape[1] * wants_albedo, 3), albedo.dtype).numpy()
        grad_response = np.zeros(response.shape)
        grad_barycentric = empty(tuple(barycentric.shape), barycentric.dtype)
        weights = grad_barycentric.numpy().reshape(len(normals), -1, 3)

        def compute(b: int) -> None:
            n, a, r, place, seen = (arrays[b] for arrays in inputs)
            outputs = grad_normals[b], grad_albedo[b], grad_response[b], weights[b]
            wants = wants_albedo, wants_response
            _shading_kernels.shade_pixels_backward(n, a, r, corners, seen, place, grads[b], *outputs, *wants)

        run_for_each(compute, range(len(normals)))
        return (
            torch.from_numpy(grad_normals),
            torch.from_numpy(grad_albedo) if wants_albedo else None,
            torch.from_numpy(grad_response.astype(grads.dtype)) if wants_response else None,
            grad_barycentric,
            None,
            None,
        )


def _of_pictures(tensor: Tensor) -> list[Array]:
    """Each picture's rows of three, or its pixels; what the batch shares is not copied."""
    rows = (-1, 3) if tensor.is_floating_point() else (-1,)
    return [picture.detach().contiguous().reshape(rows).numpy() for picture in tensor]
