"""What rasterising yields: the visible triangle of each pixel and the place on it."""

from dataclasses import dataclass
from typing import Generic

from jaxtyping import Bool, Float, Int

from monoface.core.arrays import Array


@dataclass(frozen=True)
class Fragments(Generic[Array]):
    """The visible surface at pixel centres.

    Attributes:
        face_index: Row of `faces` that is visible; -1 where there is none.
        barycentric: Weights of that triangle's three vertices; 0 where there is none. Differentiable
            with respect to the vertices.
        depth: Depth in the unit of the vertices; 0 where there is no surface. Differentiable too.
    """

    face_index: Int[Array, "batch height width"]
    barycentric: Float[Array, "batch height width 3"]
    depth: Float[Array, "batch height width"]

    @property
    def mask(self) -> Bool[Array, "batch height width"]:
        """Where there is a surface."""
        return self.face_index >= 0
