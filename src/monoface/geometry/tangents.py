"""Tangents: how a surface moves when its texture coordinates do."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monoface.geometry.triangles import normalize_or_zero


def texture_tangents(
    verts: Float[Tensor, "batch verts 3"],
    faces: Int[Tensor, "faces 3"],
    uv: Float[Tensor, "verts 2"],
) -> tuple[Float[Tensor, "batch verts 3"], Float[Tensor, "batch verts 3"]]:
    """Change of position for a unit of u and for a unit of v, at vertices.

    The means over adjacent triangles, weighted by their areas in the texture: smooth over a fine mesh,
    where those of triangles would jump at every edge. Zero at vertices of no triangle with an area there.

    Args:
        verts: Vertices in any frame and unit.
        faces: Vertex indices.
        uv: Texture coordinates.
    """
    first, second, third = (verts[:, faces[:, corner]] for corner in range(3))
    a, b = second - first, third - first
    along, across = uv[faces[:, 1]] - uv[faces[:, 0]], uv[faces[:, 2]] - uv[faces[:, 0]]
    double_area = along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0]
    # Each triangle's derivative times its area: dividing by the area and weighting with it cancel out.
    sign = double_area.sign()[:, None]
    by_u = sign * (across[:, 1:] * a - along[:, 1:] * b)
    by_v = sign * (along[:, :1] * b - across[:, :1] * a)
    weight = uv.new_zeros(len(uv))
    sums = torch.zeros_like(verts), torch.zeros_like(verts)
    for corner in range(3):
        index = faces[:, corner]
        weight = weight.index_add(0, index, double_area.abs())
        sums = sums[0].index_add(1, index, by_u), sums[1].index_add(1, index, by_v)
    scale = torch.where(weight > 0, 1 / weight.clamp_min(1e-12), torch.zeros_like(weight))[:, None]
    return sums[0] * scale, sums[1] * scale


def orthonormal_tangents(
    normals: Float[Tensor, "*batch 3"], along_u: Float[Tensor, "*batch 3"]
) -> Float[Tensor, "*batch 3"]:
    """Unit vectors across the normals that point as far as possible along growing u; zero where none does."""
    return normalize_or_zero(along_u - (along_u * normals).sum(dim=-1, keepdim=True) * normals)


def tangent_handedness(
    normals: Float[Tensor, "*batch 3"],
    along_u: Float[Tensor, "*batch 3"],
    along_v: Float[Tensor, "*batch 3"],
) -> Float[Tensor, "*batch"]:
    """The w of glTF tangents: 1, or -1 where the texture is mirrored. Its v points down, hence the minus."""
    outwards = -(torch.linalg.cross(along_u, along_v, dim=-1) * normals).sum(dim=-1)
    return torch.where(outwards < 0, -torch.ones_like(outwards), torch.ones_like(outwards))
