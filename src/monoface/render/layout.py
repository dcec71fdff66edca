"""Texture space of a mesh: which triangle each texel lies on. It is the same for every photo."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, Self

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from monoface.core.arrays import Array, cast, in_torch, namespace, numpy_of
from monoface.raster import Fragments, interpolate, rasterize


@dataclass(frozen=True)
class TextureLayout(Generic[Array]):
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

    faces: Int[Array, "faces 3"]
    face_index: Int[Array, "size size"]
    barycentric: Float[Array, "size size 3"]
    nearest: Int[Array, " texels"]
    usable: Bool[Array, " faces"]
    mirrored: bool

    @classmethod
    def from_mesh(
        cls,
        faces: Int[Array, "faces 3"],
        uv: Float[Array, "verts 2"],
        size: int,
        *,
        usable: Bool[Array, " faces"] | None = None,
        mirrored: bool = True,
    ) -> Self:
        """Rasterises a mesh in texture space, on the CPU. The layout is of the kind that the faces are.

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
        corners, flat = numpy_of(faces), np.zeros((len(uv), 3), np.float32)
        flat[:, :2] = numpy_of(uv) * np.float32(size)
        fragments = rasterize(flat[None], corners, (size, size), cull="none")
        beside, nearest = np.empty((2, size, size), dtype=np.int32)
        _kernels.nearest_covered(fragments.mask[0], beside, nearest)
        made: Any = cls
        layout: Any = made(
            faces=corners,
            face_index=fragments.face_index[0].astype(np.int32),
            barycentric=fragments.barycentric[0],
            nearest=nearest.ravel(),
            usable=np.ones(len(corners), bool) if usable is None else numpy_of(usable),
            mirrored=mirrored,
        )
        return layout if isinstance(faces, np.ndarray) else in_torch(layout)

    def to(self, device: Any) -> "TextureLayout":
        """The same texels on another device of PyTorch; `pad` needs those on the CPU."""
        tensors = ("faces", "face_index", "barycentric", "nearest", "usable")
        return replace(self, **{name: getattr(self, name).to(device) for name in tensors})

    @property
    def size(self) -> int:
        """Height and width in texels."""
        return len(self.face_index)

    @property
    def mask(self) -> Bool[Array, "size size"]:
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
        gaps = np.flatnonzero(numpy_of(self.face_index) < 0)
        return gaps, numpy_of(self.nearest)[gaps].astype(np.intp)

    def from_vertices(self, attributes: Float[Array, "verts channels"]) -> Float[Array, "size size channels"]:
        """Attributes of vertices as a texture, such as positions; 0 between the charts. Differentiable."""
        xp, weights = namespace(self.faces), self.barycentric[None]
        seen = xp.asarray(self.face_index[None], dtype=xp.int64)
        fragments = Fragments(seen, weights, xp.zeros_like(weights[..., 0]))
        return interpolate(cast(attributes[None], weights), self.faces, fragments)[0]
