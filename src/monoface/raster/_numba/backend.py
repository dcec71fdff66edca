"""CPU backend: fused kernels for rasterising and interpolating, forward and backward.

`_reference` defines what these compute; both agree bit for bit. The kernels are in `_numba.kernels`.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from monoface.core.arrays import in_torch
from monoface.core.kernels.arrays import new_array
from monoface.core.kernels.compiled import Array
from monoface.core.kernels.tensors import empty, zeros
from monoface.core.kernels.threads import band_limits, count_bands, run_for_each
from monoface.raster import _arrays
from monoface.raster._numba import kernels
from monoface.raster._numba.edges import antialias
from monoface.raster._numba.texture import sample
from monoface.raster.fragments import Fragments

__all__ = ["antialias", "interpolate", "rasterize", "sample"]


def rasterize(
    verts_px: Tensor, faces: Tensor, size: tuple[int, int], *, perspective: bool, cull_back: bool
) -> Fragments:
    """See `monoface.raster.rasterize`."""
    return Fragments(*_Rasterize.apply(verts_px, faces, size, perspective, cull_back))


def interpolate(attributes: Tensor, faces: Tensor, fragments: Fragments) -> Tensor:
    """See `monoface.raster.interpolate`."""
    interpolated: Tensor = _Interpolate.apply(attributes, fragments.barycentric, faces, fragments.face_index)
    return interpolated


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, verts_px: Tensor, faces: Tensor, size: tuple[int, int], perspective: bool, cull_back: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        inputs = verts_px.detach().numpy(), faces.numpy()
        found = in_torch(_arrays.rasterize_into(new_array, *inputs, size, perspective, cull_back))
        grid, linear, face_index = found.grid, found.linear, found.fragments.face_index
        ctx.save_for_backward(grid, linear, faces, face_index)
        ctx.perspective = perspective
        ctx.mark_non_differentiable(face_index)
        ctx.set_materialize_grads(False)
        return face_index, found.fragments.barycentric, found.fragments.depth

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, _: None, grad_barycentric: Tensor | None, grad_depth: Tensor | None
    ) -> tuple[Tensor | None, None, None, None, None]:
        grid, linear, faces, face_index = ctx.saved_tensors
        if grad_barycentric is None and grad_depth is None:
            return None, None, None, None, None
        if grad_barycentric is None:
            grad_barycentric = zeros((*face_index.shape, 3), linear.dtype)
        if grad_depth is None:
            grad_depth = zeros(tuple(face_index.shape), linear.dtype)
        batch, count = linear.shape
        limits = band_limits(face_index.shape[1], count_bands(batch))
        sums = zeros((batch, len(limits), count, 3), linear.dtype).numpy()
        geometry = grid.numpy(), linear.numpy()
        corners = faces.contiguous().numpy()
        pixels = face_index.numpy(), grad_barycentric.contiguous().numpy(), grad_depth.contiguous().numpy()

        def accumulate(task: tuple[int, int]) -> None:
            b, band = task
            top, bottom = limits[band]
            inputs = [array[b] for array in geometry]
            rows = [array[b, top:bottom] for array in pixels]
            kernels.rasterize_backward(*inputs, corners, ctx.perspective, top, *rows, sums[b, band])

        run_for_each(accumulate, [(b, band) for b in range(batch) for band in range(len(limits))])
        return _total(sums), None, None, None, None


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, attributes: Tensor, barycentric: Tensor, faces: Tensor, face_index: Tensor
    ) -> Tensor:
        inputs = [tensor.detach().numpy() for tensor in (attributes, barycentric, faces, face_index)]
        result = torch.from_numpy(_arrays.interpolate_into(new_array, *inputs))
        ctx.save_for_backward(attributes, barycentric, faces, face_index)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_result: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        attributes, barycentric, faces, face_index = ctx.saved_tensors
        wants_attributes, wants_barycentric = ctx.needs_input_grad[:2]
        batch, height, _ = face_index.shape
        limits = band_limits(height, count_bands(batch))
        sums = zeros((batch, len(limits), *attributes.shape[1:]), attributes.dtype).numpy()
        grad_barycentric = empty(tuple(barycentric.shape), barycentric.dtype)
        values = [attribute.contiguous().numpy() for attribute in attributes]
        corners = faces.contiguous().numpy()
        inputs = (face_index, barycentric, grad_result, grad_barycentric)
        pixels = [tensor.contiguous().numpy() for tensor in inputs]

        def accumulate(task: tuple[int, int]) -> None:
            b, band = task
            top, bottom = limits[band]
            rows = [array[b, top:bottom] for array in pixels]
            wants = wants_attributes, wants_barycentric
            kernels.blend_backward(values[b], corners, *rows, sums[b, band], *wants)

        run_for_each(accumulate, [(b, band) for b in range(batch) for band in range(len(limits))])
        return (
            _total(sums) if wants_attributes else None,
            grad_barycentric if wants_barycentric else None,
            None,
            None,
        )


def _total(sums: Array) -> Tensor:
    """Sum over the bands of each picture."""
    return torch.from_numpy(sums[:, 0] if sums.shape[1] == 1 else sums.sum(axis=1))
