"""Texture space of a mesh: which triangle each texel lies on. It is the same for every photo."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from monoface.raster import Fragments, interpolate, rasterize


@dataclass(frozen=True)
class TextureLayout:
    """Texels of a mesh. Make it once a mesh and texture size: it is costlier than unwrapping a photo.

    Attributes:
        faces: The mesh's vertex indices.
        face_index: Triangle of each texel's centre; -1 between the charts.
        barycentric: Where on the triangle it lies.
        nearest: Row-major index of each texel's nearest texel on a chart: itself, on one.
        usable: Triangles that may take their colours from photos. The others keep what they are filled
            with: what no photo shows well, such as the inside of the mouth.
        mirrored: Whether column u and column 1 - u show mirrored places of the mesh.
    """

    faces: Int[Tensor, "faces 3"]
    face_index: Int[Tensor, "size size"]
    barycentric: Float[Tensor, "size size 3"]
    nearest: Int[Tensor, " texels"]
    usable: Bool[Tensor, " faces"]
    mirrored: bool

    @classmethod
    def from_mesh(
        cls,
        faces: Int[Tensor, "faces 3"],
        uv: Float[Tensor, "verts 2"],
        size: int,
        *,
        usable: Bool[Tensor, " faces"] | None = None,
        mirrored: bool = True,
    ) -> Self:
        """Rasterises a mesh in texture space, on the CPU.

        Args:
            faces: Vertex indices, which index `uv` too.
            uv: Texture coordinates in [0, 1], origin at the top left.
            size: Height and width of the texture in texels, a multiple of 16.
            usable: See the attribute; all, if not given.
            mirrored: See the attribute.

        Raises:
            ValueError: If `size` is not a positive multiple of 16.
        """
        # Imported late: what only renders pictures need not wait for compiled kernels.
        from monoface.render import _kernels

        if size < 16 or size % 16 != 0:
            raise ValueError(f"size: expected a positive multiple of 16 texels, got {size}")
        faces = faces.cpu()
        flat = torch.cat((uv.float().cpu() * size, torch.zeros(len(uv), 1)), dim=1)
        fragments = rasterize(flat[None], faces, (size, size), cull="none")
        beside, nearest = torch.empty((2, size, size), dtype=torch.int32)
        _kernels.nearest_covered(fragments.mask[0].numpy(), beside.numpy(), nearest.numpy())
        return cls(
            faces=faces,
            face_index=fragments.face_index[0].to(torch.int32),
            barycentric=fragments.barycentric[0],
            nearest=nearest.flatten(),
            usable=torch.ones(len(faces), dtype=torch.bool) if usable is None else usable.cpu(),
            mirrored=mirrored,
        )

    def to(self, device: torch.device) -> "TextureLayout":
        """The same texels on another device; `pad` needs those on the CPU."""
        tensors = ("faces", "face_index", "barycentric", "nearest", "usable")
        return replace(self, **{name: getattr(self, name).to(device) for name in tensors})

    @property
    def size(self) -> int:
        """Height and width in texels."""
        return len(self.face_index)

    @property
    def mask(self) -> Bool[Tensor, "size size"]:
        """Texels on a chart."""
        return self.face_index >= 0

    def pad(self, image: Shaped[np.ndarray, "size size 3"]) -> None:
        """Gives texels between the charts, in place, the colour of their nearest one on a chart."""
        gaps, sources = self._gaps
        # Three values as one are copied three times as fast.
        texels = image.reshape(-1, 3).view(np.dtype((np.void, 3 * image.itemsize)))[:, 0]
        texels[gaps] = texels.take(sources)

    @cached_property
    def _gaps(self) -> tuple[Int[np.ndarray, " gaps"], Int[np.ndarray, " gaps"]]:
        """Row-major indices of the texels between charts, and of their nearest ones."""
        gaps = np.flatnonzero(self.face_index.numpy() < 0)
        return gaps, self.nearest.numpy()[gaps].astype(np.intp)

    def from_vertices(
        self, attributes: Float[Tensor, "verts channels"]
    ) -> Float[Tensor, "size size channels"]:
        """Attributes of vertices as a texture, such as positions; 0 between the charts. Differentiable."""
        no_depth = torch.zeros_like(self.barycentric[None, ..., 0])
        fragments = Fragments(self.face_index[None].long(), self.barycentric[None], no_depth)
        return interpolate(attributes[None].float().to(self.faces.device), self.faces, fragments)[0]
