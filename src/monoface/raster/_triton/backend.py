"""CUDA backend: Triton kernels for rasterising, interpolating and finding silhouettes.

`_reference` defines what these compute. Blending the silhouettes' pixels and sampling textures are its
own operations. Triton comes with the CUDA builds of PyTorch; nothing here is compiled at install.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from monoface.raster._adjacency import edge_twins
from monoface.raster._grid import is_rasterizable, to_grid
from monoface.raster._reference.edges import blend
from monoface.raster._reference.texture import sample
from monoface.raster._triton import edge_kernels, kernels
from monoface.raster.fragments import Fragments

__all__ = ["antialias", "interpolate", "rasterize", "sample"]

_BLOCK = 128
"""Pixels that one program of a kernel works on."""

_TRIANGLE_BLOCK = 32
"""Pixels of a triangle's bounding box that its program tests at once: few triangles of a face have more."""

_EXACT = {"enable_fp_fusion": False}
"""Options of kernels whose results agree bit for bit with the definition's."""

_FAST = {"enable_fp_fusion": True}
"""Options of the others."""


def rasterize(
    verts_px: Tensor, faces: Tensor, size: tuple[int, int], *, perspective: bool, cull_back: bool
) -> Fragments:
    """See `monoface.raster.rasterize`."""
    return Fragments(*_Rasterize.apply(verts_px, faces, size, perspective, cull_back))


def interpolate(attributes: Tensor, faces: Tensor, fragments: Fragments) -> Tensor:
    """See `monoface.raster.interpolate`."""
    interpolated: Tensor = _Interpolate.apply(attributes, fragments.barycentric, faces, fragments.face_index)
    return interpolated


def antialias(image: Tensor, verts_px: Tensor, faces: Tensor, fragments: Fragments) -> Tensor:
    """See `monoface.raster.antialias`."""
    if len(faces) == 0:
        return image
    shares = _Shares.apply(verts_px, faces, fragments.face_index, fragments.depth.detach())
    return blend(image, shares[:, :, :-1, 0], shares[:, :-1, :, 1])


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, verts_px: Tensor, faces: Tensor, size: tuple[int, int], perspective: bool, cull_back: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, count, _ = verts_px.shape
        faces = faces.contiguous()
        grid, linear = _snapped(verts_px.detach(), perspective)
        nearest = faces.new_full((batch, *size), kernels.NOTHING.value)
        face_index = torch.empty_like(nearest)
        barycentric, depth = verts_px.new_empty((batch, *size, 3)), verts_px.new_empty((batch, *size))
        if batch * len(faces):
            options = {"PERSPECTIVE": perspective, "CULL_BACK": cull_back, "BLOCK": _TRIANGLE_BLOCK}
            mesh = grid, linear, faces, nearest, count
            kernels.rasterize[len(faces), batch](*mesh, *size, **options, num_warps=1, **_EXACT)
        if batch:
            pixels = face_index, barycentric, depth
            kernels.resolve[_blocks(face_index)](
                grid, linear, faces, nearest, *pixels, count, *size, perspective, _BLOCK, **_EXACT
            )
        ctx.save_for_backward(grid, linear, faces, face_index)
        ctx.perspective = perspective
        ctx.mark_non_differentiable(face_index)
        return face_index, barycentric, depth

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, _: Tensor, grad_barycentric: Tensor, grad_depth: Tensor
    ) -> tuple[Tensor, None, None, None, None]:
        grid, linear, faces, face_index = ctx.saved_tensors
        grad_verts = linear.new_zeros((*linear.shape, 3))
        if len(linear):
            grads = grad_barycentric.contiguous(), grad_depth.contiguous()
            sizes = linear.shape[1], *face_index.shape[1:]
            kernels.rasterize_backward[_blocks(face_index)](
                grid, linear, faces, face_index, *grads, grad_verts, *sizes, ctx.perspective, _BLOCK, **_FAST
            )
        return grad_verts, None, None, None, None


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, attributes: Tensor, barycentric: Tensor, faces: Tensor, face_index: Tensor
    ) -> Tensor:
        values, weights, faces, seen = (
            tensor.detach().contiguous() for tensor in (attributes, barycentric, faces, face_index)
        )
        result = values.new_empty((*seen.shape, values.shape[-1]))
        if len(seen):
            sizes = values.shape[1], seen[0].numel(), values.shape[-1]
            kernels.blend[_blocks(seen)](values, faces, seen, weights, result, *sizes, _BLOCK, **_EXACT)
        ctx.save_for_backward(values, weights, faces, seen)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_result: Tensor) -> tuple[Tensor, Tensor, None, None]:
        values, weights, faces, seen = ctx.saved_tensors
        grad_attributes, grad_barycentric = torch.zeros_like(values), torch.empty_like(weights)
        if len(seen):
            sizes = values.shape[1], seen[0].numel(), values.shape[-1]
            grads = grad_result.contiguous(), grad_barycentric, grad_attributes
            kernels.blend_backward[_blocks(seen)](
                values, faces, seen, weights, *grads, *sizes, ctx.needs_input_grad[0], _BLOCK, **_FAST
            )
        return grad_attributes, grad_barycentric, None, None


class _Shares(torch.autograd.Function):
    """What pixels take of their right and lower neighbours; negative what these take of them."""

    @staticmethod
    def forward(ctx: Any, verts_px: Tensor, faces: Tensor, face_index: Tensor, depth: Tensor) -> Tensor:
        grid, _ = _snapped(verts_px.detach(), perspective=False)
        shares = verts_px.new_empty((*face_index.shape, 2))
        edges = torch.empty_like(shares, dtype=torch.int32)
        faces, twins = faces.contiguous(), edge_twins(faces)
        sizes = verts_px.shape[1], *face_index.shape[1:]
        if len(face_index):
            for axis in range(2):
                edge_kernels.find_silhouettes[_blocks(face_index)](
                    grid, faces, twins, face_index, depth, edges, shares, *sizes, axis, _BLOCK, **_EXACT
                )
        ctx.save_for_backward(grid, faces, edges)
        return shares

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_shares: Tensor) -> tuple[Tensor, None, None, None]:
        grid, faces, edges = ctx.saved_tensors
        grad_verts = grad_shares.new_zeros((*grid.shape[:2], 3))
        sizes = grid.shape[1], *edges.shape[1:3]
        if len(edges):
            for axis in range(2):
                edge_kernels.move_edges_backward[_blocks(edges[..., 0])](
                    grid, faces, edges, grad_shares.contiguous(), grad_verts, *sizes, axis, _BLOCK, **_FAST
                )
        return grad_verts, None, None, None


def _snapped(verts_px: Tensor, perspective: bool) -> tuple[Tensor, Tensor]:
    """Fixed-point coordinates of vertices, and the quantity that is linear in the picture."""
    rasterizable = is_rasterizable(verts_px, perspective)
    grid = to_grid(verts_px[..., :2]).masked_fill(~rasterizable[..., None], kernels.NOT_RASTERIZABLE.value)
    depth = torch.where(rasterizable, verts_px[..., 2], torch.ones_like(verts_px[..., 2]))
    return grid.to(torch.int32), (1 / depth if perspective else depth).contiguous()


def _blocks(pictures: Tensor) -> tuple[int, int]:
    """Number of programs for each picture's pixels, and of pictures."""
    return -(-pictures[0].numel() // _BLOCK), len(pictures)
