"""What rasterising yields: the visible triangle of each pixel and the place on it."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Fragments:
    """The visible surface at pixel centres.

    Attributes:
        face_index: Row of `faces` that is visible; -1 where there is none.
        barycentric: Weights of that triangle's three vertices; 0 where there is none. Differentiable
            with respect to the vertices.
        depth: Depth in the unit of the vertices; 0 where there is no surface. Differentiable too.
    """

    face_index: Int[Tensor, "batch height width"]
    barycentric: Float[Tensor, "batch height width 3"]
    depth: Float[Tensor, "batch height width"]

    @property
    def mask(self) -> Bool[Tensor, "batch height width"]:
        """Where there is a surface."""
        return self.face_index >= 0
