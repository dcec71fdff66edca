"""A mesh's surface laid out in texture space: positions, normals and tangents of texels."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monoface.geometry.tangents import texture_tangents
from monoface.geometry.triangles import normalize_or_zero, vertex_normals
from monoface.render.layout import TextureLayout


@dataclass(frozen=True)
class TextureSurface:
    """Meshes of one layout in texture space; zeros between the charts.

    Attributes:
        points: Positions, millimetres, in the frame of the vertices.
        normals: Unit normals, interpolated between vertices, so that no triangle shows.
        along_u: Change of position for a unit of u.
        along_v: The same for v, which points down.
        mask: Texels on a chart.
    """

    points: Float[Tensor, "batch size size 3"]
    normals: Float[Tensor, "batch size size 3"]
    along_u: Float[Tensor, "batch size size 3"]
    along_v: Float[Tensor, "batch size size 3"]
    mask: Bool[Tensor, "size size"]

    @classmethod
    def from_vertices(
        cls,
        verts: Float[Tensor, "batch verts 3"],
        layout: TextureLayout,
        uv: Float[Tensor, "verts 2"],
        weld: Int[Tensor, " verts"] | None = None,
    ) -> "TextureSurface":
        """Surfaces of a batch of meshes. Differentiable.

        Args:
            verts: Vertices of the layout's mesh, in any frame.
            layout: Texture space.
            uv: The texture coordinates that the layout was made from.
            weld: See `geometry.triangles.vertex_normals`.
        """
        normals = vertex_normals(verts, layout.faces, weld)
        tangents = texture_tangents(verts, layout.faces, uv)
        maps = maps_from_vertices(torch.cat((verts, normals, *tangents), dim=-1), layout)
        points, directions, along_u, along_v = maps.split(3, dim=-1)
        return cls(points, normalize_or_zero(directions), along_u, along_v, layout.mask)


def maps_from_vertices(
    attributes: Float[Tensor, "batch verts channels"], layout: TextureLayout
) -> Float[Tensor, "batch size size channels"]:
    """Attributes of vertices as textures; see `TextureLayout.from_vertices`."""
    batch, verts, channels = attributes.shape
    side_by_side = attributes.transpose(0, 1).reshape(verts, batch * channels)
    return layout.from_vertices(side_by_side).unflatten(-1, (batch, channels)).movedim(2, 0)
