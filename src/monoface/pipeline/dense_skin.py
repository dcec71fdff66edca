"""The skin of a face model with one vertex for each texel of a texture, and displaced."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monoface.displacement.displacer import Displacer, resized_maps
from monoface.facemodel import FaceModel
from monoface.facemodel.parts import skin_triangles
from monoface.geometry.triangles import vertex_normals
from monoface.render import BorderStrip, DenseMesh, border_strip
from monoface.shading.displacement import displaced_points

LARGEST_DENSE_PX = 512
"""Side of the texture beyond which dense meshes get no denser: a vertex for each 0.7 mm."""


class DenseSkin:
    """The skin of a face model with one vertex for each texel of a texture.

    Args:
        model: The face model.
        displacer: Knows its layout in texture space.
    """

    def __init__(self, model: FaceModel, displacer: Displacer) -> None:
        self._model = model
        self._size = displacer.layout.size
        self._mesh = DenseMesh.from_layout(displacer.layout, model.uv)
        face = displacer.layout.face_index.long().flatten()[self._mesh.texels]
        skin = skin_triangles(model.data)
        of_skin = skin[face]
        self._kept = of_skin.nonzero()[:, 0]
        place = torch.full((len(of_skin),), -1)
        place[self._kept] = torch.arange(len(self._kept))
        self.faces: Int[Tensor, "faces 3"] = place[self._mesh.faces[of_skin[self._mesh.faces].all(dim=1)]]
        self.uv: Float[Tensor, "verts 2"] = self._mesh.uv[self._kept]
        self._coarse_faces = model.faces[skin]

    def points(
        self, verts_mm: Float[Tensor, "verts 3"], height_mm: Float[Tensor, "rows columns"]
    ) -> Float[Tensor, "dense 3"]:
        """Displaced vertices, in the frame of the coarse ones; heights may come in another size."""
        height_mm = resized_maps(height_mm[None, None], self._size)[0, 0]
        normals = vertex_normals(verts_mm, self._model.faces, self._model.weld)
        both = self._mesh.from_vertices(torch.cat((verts_mm, normals), dim=-1)[None])[0, self._kept]
        height = self.from_texture(height_mm[None])[:, 0]
        directions = torch.nn.functional.normalize(both[:, 3:], dim=-1)
        return displaced_points(both[:, :3], directions, height)

    def from_texture(self, image: Float[Tensor, "channels size size"]) -> Float[Tensor, "dense channels"]:
        """Values of a texture at the vertices."""
        return self._mesh.from_texture(image[None])[0, self._kept]

    @cached_property
    def border(self) -> BorderStrip:
        """What lies between the outermost texels and the border of the coarse skin, along seams too."""
        corners = self._mesh.corners[self._kept]
        return border_strip(self.faces, self.uv, corners, self._coarse_faces, self._model.uv)

    def closed(
        self, verts_mm: Float[Tensor, "verts 3"], height_mm: Float[Tensor, "rows columns"]
    ) -> "ClosedSkin":
        """Displaced vertices as `points` has them, closed along the seams by the coarse mesh's border."""
        verts = self.border.verts
        alike = self._model.weld[verts]
        # The first border vertex at each place stands for the others.
        _, place = alike.unique(return_inverse=True)
        rows = torch.arange(len(verts))
        first = torch.full_like(rows, len(verts)).scatter_reduce(0, place, rows, "amin")[place]
        count = len(self.uv)
        return ClosedSkin(
            points=torch.cat((self.points(verts_mm, height_mm), verts_mm[verts])),
            faces=torch.cat((self.faces, self.border.faces)),
            uv=torch.cat((self.uv, self._model.uv[verts])),
            weld=torch.cat((torch.arange(count), count + first)),
        )


@dataclass(frozen=True, eq=False)
class ClosedSkin:
    """A dense skin that is one surface, apart from its openings.

    Attributes:
        points: Vertices, in the frame of the coarse ones.
        faces: Vertex indices.
        uv: Texture coordinates; vertices on seams are doubled.
        weld: For each vertex the one that stands for all at its place.
    """

    points: Float[Tensor, "verts 3"]
    faces: Int[Tensor, "faces 3"]
    uv: Float[Tensor, "verts 2"]
    weld: Int[Tensor, " verts"]
