"""Tangents: how a surface moves when its texture coordinates do."""

from jaxtyping import Float, Int

from monoface.core.arrays import Array, added_at, namespace
from monoface.geometry.triangles import normalize_or_zero


def texture_tangents(
    verts: Float[Array, "batch verts 3"],
    faces: Int[Array, "faces 3"],
    uv: Float[Array, "verts 2"],
) -> tuple[Float[Array, "batch verts 3"], Float[Array, "batch verts 3"]]:
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
    xp = namespace(verts)
    sign = xp.sign(double_area)[:, None]
    by_u = sign * (across[:, 1:] * a - along[:, 1:] * b)
    by_v = sign * (along[:, :1] * b - across[:, :1] * a)
    corners = [faces[:, corner] for corner in range(3)]
    weight = sum(added_at(xp.abs(double_area), index, len(uv)) for index in corners)
    scale = xp.where(weight > 0, 1 / weight.clip(1e-12), xp.zeros_like(weight))[:, None]
    sums = [
        sum(added_at(values.swapaxes(0, 1), index, len(uv)) for index in corners) for values in (by_u, by_v)
    ]
    return sums[0].swapaxes(0, 1) * scale, sums[1].swapaxes(0, 1) * scale


def orthonormal_tangents(
    normals: Float[Array, "*batch 3"], along_u: Float[Array, "*batch 3"]
) -> Float[Array, "*batch 3"]:
    """Unit vectors across the normals that point as far as possible along growing u; zero where none does."""
    return normalize_or_zero(along_u - (along_u * normals).sum(-1)[..., None] * normals)


def tangent_handedness(
    normals: Float[Array, "*batch 3"],
    along_u: Float[Array, "*batch 3"],
    along_v: Float[Array, "*batch 3"],
) -> Float[Array, "*batch"]:
    """The w of glTF tangents: 1, or -1 where the texture is mirrored. Its v points down, hence the minus."""
    xp = namespace(normals)
    outwards = -(xp.linalg.cross(along_u, along_v) * normals).sum(-1)
    return xp.where(outwards < 0, -xp.ones_like(outwards), xp.ones_like(outwards))
