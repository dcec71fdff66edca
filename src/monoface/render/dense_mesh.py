"""A mesh as fine as a texture: one vertex a texel, so that displacements from a texture move a surface."""

from dataclasses import dataclass, fields
from typing import Self

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monoface.geometry.triangles import connected_parts, signed_areas_px
from monoface.raster import Fragments, interpolate
from monoface.render.layout import TextureLayout


@dataclass(frozen=True)
class DenseMesh:
    """Triangles between the texels of a layout's charts.

    Each four neighbouring texels that lie on one chart make two triangles, wound like the mesh's. Charts
    stay apart, also where the mesh is connected across their seam.

    Attributes:
        texels: Row-major index of each vertex's texel.
        faces: Vertex indices.
        uv: Middles of the texels, origin at the top left.
        corners: Vertices of the layout's mesh around each vertex.
        weights: What a vertex takes of each of them; they sum to one.
    """

    texels: Int[Tensor, " verts"]
    faces: Int[Tensor, "faces 3"]
    uv: Float[Tensor, "verts 2"]
    corners: Int[Tensor, "verts 3"]
    weights: Float[Tensor, "verts 3"]

    @classmethod
    def from_layout(cls, layout: TextureLayout, uv: Float[Tensor, "verts 2"]) -> Self:
        """Makes the mesh once for all faces of a model.

        Args:
            layout: Texture space; its size is the number of vertices along the texture's side.
            uv: The texture coordinates that the layout was made from.
        """
        size, mask = layout.size, layout.mask
        texels = mask.flatten().nonzero().squeeze(1)
        vertex = torch.full((size * size,), -1)
        vertex[texels] = torch.arange(len(texels))
        vertex = vertex.reshape(size, size)
        face = layout.face_index.long()
        a, b, c, d = (_corners(vertex, dy, dx) for dy, dx in ((0, 0), (1, 0), (0, 1), (1, 1)))
        chart = torch.where(
            mask, connected_parts(layout.faces, len(uv))[layout.faces[:, 0]][face.clamp_min(0)], -1
        )
        charts = torch.stack([_corners(chart, dy, dx) for dy, dx in ((0, 0), (1, 0), (0, 1), (1, 1))])
        whole = ((charts == charts[0]) & (charts >= 0)).all(dim=0)
        quads = torch.stack((a, b, d, a, d, c), dim=-1)[whole].reshape(-1, 2, 3)
        # Counter-clockwise in the texture, as a chart that is not mirrored is; y points down in both.
        mirrored = signed_areas_px(uv.cpu() * size, layout.faces)[_corners(face, 0, 0)[whole]] > 0
        quads = torch.where(mirrored[:, None, None], quads.flip(-1), quads)
        middles = torch.stack((texels % size, texels // size), dim=-1)
        return cls(
            texels=texels,
            faces=quads.reshape(-1, 3),
            uv=(middles + 0.5) / size,
            corners=layout.faces[face.flatten()[texels]],
            weights=layout.barycentric.reshape(-1, 3)[texels],
        )

    def to(self, device: torch.device) -> "DenseMesh":
        """The same mesh on another device."""
        return DenseMesh(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def from_vertices(
        self, attributes: Float[Tensor, "batch verts channels"]
    ) -> Float[Tensor, "batch dense channels"]:
        """Attributes of the layout's mesh, such as positions, at the vertices of this one. Differentiable."""
        weights = self.weights.to(attributes.dtype).expand(len(attributes), 1, -1, -1)
        row = torch.arange(len(self.corners), device=self.corners.device).expand(len(attributes), 1, -1)
        fragments = Fragments(row, weights, torch.zeros_like(weights[..., 0]))
        return interpolate(attributes, self.corners, fragments)[:, 0]

    def from_texture(
        self, image: Float[Tensor, "batch channels size size"]
    ) -> Float[Tensor, "batch dense channels"]:
        """Values of a texture of the layout's size, such as displacements, at the vertices."""
        return image.flatten(2)[..., self.texels].transpose(1, 2)


def _corners(grid: Tensor, dy: int, dx: int) -> Tensor:
    """The values at one corner of all squares of four neighbours."""
    rows, columns = grid.shape
    return grid[dy : rows - 1 + dy, dx : columns - 1 + dx]
