"""Displacement: a map of heights over a surface in texture space, and the normals that it makes.

Maps lie row by row, (batch, rows, columns), v downwards. A height moves a point along the surface's normal,
or along one axis for all of them, as Chen et al. do (the model's z).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.geometry.tangents import orthonormal_tangents, tangent_handedness
from monoface.geometry.triangles import normalize_or_zero


def displaced_points(
    points: Float[Tensor, "*batch 3"],
    directions: Float[Tensor, "*#batch 3"],
    height_mm: Float[Tensor, "*batch"],
) -> Float[Tensor, "*batch 3"]:
    """Points moved by heights along unit directions: the normals, or one axis."""
    return points + height_mm[..., None] * directions


def height_slopes(
    height_mm: Float[Tensor, "batch rows columns"],
) -> tuple[Float[Tensor, "batch rows columns"], Float[Tensor, "batch rows columns"]]:
    """Change of height for a unit of u and of v, by central differences; one-sided at the map's border."""
    rows, columns = height_mm.shape[-2:]
    by_v, by_u = torch.gradient(height_mm, dim=(-2, -1))
    return by_u * columns, by_v * rows


def displaced_normals(
    normals: Float[Tensor, "batch rows columns 3"],
    along_u: Float[Tensor, "batch rows columns 3"],
    along_v: Float[Tensor, "batch rows columns 3"],
    height_mm: Float[Tensor, "batch rows columns"],
    directions: Float[Tensor, "#batch #rows #columns 3"] | None = None,
) -> Float[Tensor, "batch rows columns 3"]:
    """Unit normals of a displaced surface; those of the surface where heights are constant.

    What the surface's own curvature adds, of the order of height over radius, is left out: a millimetre on a
    cheek is a few percent of a slope. So the smooth normals of a coarse mesh stay smooth.

    Args:
        normals: Unit normals of the surface.
        along_u: Change of position, millimetres, for a unit of u; see `geometry.tangents`.
        along_v: The same for v.
        height_mm: Heights.
        directions: What heights move points along; the normals, if not given.

    Reference:
        Blinn, "Simulation of Wrinkled Surfaces", SIGGRAPH 1978. He moves along the normal; for any
        direction d, the tangents are P_u + h_u d and P_v + h_v d, and the cross product of both is the sum.
    """
    moved = normals if directions is None else directions.expand_as(normals)
    area = torch.linalg.cross(along_u, along_v, dim=-1)
    signed = (area * normals).sum(dim=-1, keepdim=True)
    by_u, by_v = (slope[..., None] for slope in height_slopes(height_mm))
    tilt = by_u * torch.linalg.cross(moved, along_v, dim=-1) + by_v * torch.linalg.cross(
        along_u, moved, dim=-1
    )
    # In mirrored charts the cross product points inwards.
    tilted = normalize_or_zero(signed.abs() * normals + signed.sign() * tilt)
    return torch.where(signed == 0, normals, tilted)


def tangent_space_normals(
    normals: Float[Tensor, "*batch 3"],
    along_u: Float[Tensor, "*batch 3"],
    along_v: Float[Tensor, "*batch 3"],
    displaced: Float[Tensor, "*batch 3"],
) -> Float[Tensor, "*batch 3"]:
    """Displaced normals as a glTF normal map has them: x along growing u, y against growing v, z outwards.

    The frame is the one that a viewer makes from NORMAL and TANGENT (section 3.9.3 of glTF 2.0): the tangent
    across the normal, and the bitangent across both. Straight up, (0, 0, 1), where there is no tangent.
    """
    tangent = orthonormal_tangents(normals, along_u)
    handed = tangent_handedness(normals, along_u, along_v)[..., None]
    bitangent = handed * torch.linalg.cross(normals, tangent, dim=-1)
    local = torch.stack([(displaced * axis).sum(dim=-1) for axis in (tangent, bitangent, normals)], dim=-1)
    flat = (tangent == 0).all(dim=-1, keepdim=True)
    return torch.where(flat, local.new_tensor((0.0, 0.0, 1.0)), local)
