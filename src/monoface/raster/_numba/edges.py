"""CPU backend of `antialias`: fused kernels forward and backward, picture by picture."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from monoface.core.kernels.tensors import empty, zeros
from monoface.core.kernels.threads import run_for_each
from monoface.raster._numba import blend_kernels, edge_kernels, kernels
from monoface.raster.fragments import Fragments


def antialias(image: Tensor, verts_px: Tensor, faces: Tensor, fragments: Fragments) -> Tensor:
    """See `monoface.raster.antialias`."""
    blended: Tensor = _Antialias.apply(image, verts_px, faces, fragments.face_index, fragments.depth.detach())
    return blended


class _Antialias(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, image: Tensor, verts_px: Tensor, faces: Tensor, face_index: Tensor, depth: Tensor
    ) -> Tensor:
        batch, height, width = face_index.shape
        image = image.detach().contiguous()
        result = empty(tuple(image.shape), image.dtype).copy_(image)
        edges = empty((batch, height, width, 2), torch.int32)
        shares = empty((batch, height, width, 2), image.dtype)
        touched = empty((batch, height, width), torch.bool)
        grid = empty((*verts_px.shape[:2], 2), torch.int32)
        linear = empty(tuple(verts_px.shape[:2]), verts_px.dtype)
        corners = faces.contiguous().numpy()
        twins = empty((len(faces), 3), torch.int32).numpy()
        edge_kernels.find_twins(corners, verts_px.shape[1], twins)
        verts, colours, seen, depths = (
            tensor.detach().contiguous().numpy() for tensor in (verts_px, image, face_index, depth)
        )
        grids, results, found = grid.numpy(), result.numpy(), (edges.numpy(), shares.numpy(), touched.numpy())

        def rasterize(b: int) -> None:
            kernels.snap(verts[b], False, grids[b], linear[b].numpy())
            parted = [array[b] for array in found]
            edge_kernels.find_silhouettes(grids[b], corners, twins, seen[b], depths[b], *parted)
            blend_kernels.blend_shares(colours[b], *parted[1:], results[b])

        run_for_each(rasterize, range(batch))
        ctx.save_for_backward(image, result, grid, faces, edges, shares, touched)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_result: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        image, result, grid, faces, edges, shares, touched = ctx.saved_tensors
        grad_result = grad_result.contiguous()
        grad_image = empty(tuple(image.shape), image.dtype).copy_(grad_result)
        grad_shares = zeros(tuple(shares.shape), shares.dtype)
        grad_verts = zeros((*grid.shape[:2], 3), image.dtype)
        corners = faces.contiguous().numpy()
        tensors = image, result, edges, shares, touched, grad_result, grad_image, grad_shares
        inputs = [tensor.numpy() for tensor in tensors]
        grids, moved = grid.numpy(), grad_verts.numpy()

        def accumulate(b: int) -> None:
            pictures = [array[b] for array in inputs]
            blend_kernels.blend_shares_backward(*pictures)
            blend_kernels.move_edges_backward(grids[b], corners, pictures[2], pictures[-1], moved[b])

        run_for_each(accumulate, range(len(grid)))
        return grad_image, grad_verts, None, None, None
