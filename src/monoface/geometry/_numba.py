"""Vertex normals on the CPU, fused: about ten times as fast as the operations of `triangles`."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from monoface.core.threads import run_for_each
from monoface.geometry import _kernels


class FusedVertexNormals(torch.autograd.Function):
    """Welded, area-weighted vertex normals of (batch, verts, 3) in float32 or float64."""

    @staticmethod
    def forward(ctx: Any, verts: Tensor, faces: Tensor, weld: Tensor) -> Tensor:
        """See `triangles.vertex_normals`."""
        normals = torch.empty_like(verts, memory_format=torch.contiguous_format)
        inverse_length = verts.new_empty(verts.shape[:2])
        points, corners, same = (tensor.detach().contiguous().numpy() for tensor in (verts, faces, weld))
        outputs = inverse_length.numpy(), normals.numpy()

        def compute(b: int) -> None:
            _kernels.sum_normals(points[b], corners, same, *[array[b] for array in outputs])

        run_for_each(compute, range(len(verts)))
        ctx.save_for_backward(verts, faces, weld, inverse_length, normals)
        return normals

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_normals: Tensor) -> tuple[Tensor, None, None]:
        """Gradient with respect to the vertices."""
        verts, faces, weld, inverse_length, normals = (
            tensor.contiguous().numpy() for tensor in ctx.saved_tensors
        )
        grads = grad_normals.contiguous().numpy()
        sums, grad_verts = np.zeros_like(verts), np.zeros_like(verts)

        def compute(b: int) -> None:
            inputs = inverse_length[b], normals[b], grads[b], sums[b]
            _kernels.sum_normals_backward(verts[b], faces, weld, *inputs, grad_verts[b])

        run_for_each(compute, range(len(verts)))
        return torch.from_numpy(grad_verts), None, None
