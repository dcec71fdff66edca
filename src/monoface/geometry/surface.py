"""Triangle meshes as surfaces: which of their points is closest to a given one.

libigl answers it (an axis-aligned box tree in C++, on all cores). It is in the `[eval]` extra and is imported
when a surface is first asked.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64

from monoface.core.errors import ConfigError, DataError

# Points are asked in the order of cells of this many to an axis: neighbours walk the same branches of the
# tree, which is a third faster than random order.
_CELLS = 24


@dataclass(frozen=True, eq=False)
class ClosestPoints:
    """Where a surface is closest to each of several points.

    Attributes:
        points: On the surface.
        distance: To them, in the unit of the mesh.
        face: Row of the triangle they lie on, among the faces of the surface.
    """

    points: Float64[np.ndarray, "points 3"]
    distance: Float64[np.ndarray, " points"]
    face: Int64[np.ndarray, " points"]


class Surface:
    """A triangle mesh to measure distances to. Triangles without area are left out.

    Args:
        verts: Vertices, in any unit.
        faces: Vertex indices.

    Attributes:
        verts: The vertices, in 64 bits.
        faces: Triangles with area.
        degenerate: How many triangles have none.

    Raises:
        DataError: If a vertex that is used is not finite, an index has no vertex, or no triangle has area.
    """

    def __init__(
        self, verts: Float[np.ndarray, "verts 3"], faces: Int[np.ndarray, "faces 3"], name: str = "mesh"
    ) -> None:
        self.verts: Float64[np.ndarray, "verts 3"] = np.ascontiguousarray(verts, dtype=np.float64)
        faces = np.ascontiguousarray(faces, dtype=np.int64).reshape(-1, 3)
        if not len(faces) or not len(self.verts):
            raise DataError(
                f"{name}: expected triangles, got {len(self.verts)} vertices and {len(faces)} triangles. A "
                "point cloud cannot be measured to."
            )
        if faces.min() < 0 or faces.max() >= len(self.verts):
            raise DataError(
                f"{name}: expected vertex indices in 0..{len(self.verts) - 1}, got {faces.min()} to "
                f"{faces.max()}."
            )
        if not np.isfinite(self.verts[np.unique(faces)]).all():
            raise DataError(f"{name}: expected finite vertices, got NaN or infinity.")
        has_area = ~degenerate_triangles(self.verts, faces)
        if not has_area.any():
            raise DataError(f"{name}: expected triangles with area, got {len(faces)} without any.")
        self.faces: Int64[np.ndarray, "faces 3"] = faces[has_area]
        self.degenerate = int(len(faces) - len(self.faces))

    @cached_property
    def normals(self) -> Float64[np.ndarray, "faces 3"]:
        """Unit normals of the triangles."""
        first, second, third = (self.verts[self.faces[:, corner]] for corner in range(3))
        vectors = np.cross(second - first, third - first)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def closest(self, points: Float[np.ndarray, "points 3"]) -> ClosestPoints:
        """The closest point of the surface to each point.

        Raises:
            DataError: If a point is not finite.
            ConfigError: If libigl is not installed.
        """
        asked = np.ascontiguousarray(points, dtype=np.float64).reshape(-1, 3)
        if not np.isfinite(asked).all():
            raise DataError("points: expected finite ones, got NaN or infinity.")
        if not len(asked):
            return ClosestPoints(asked, np.zeros(0), np.zeros(0, dtype=np.int64))
        order = _by_neighbourhood(asked)
        squared, face, found = self._tree.squared_distance(self.verts, self.faces, asked[order])
        result = ClosestPoints(np.empty_like(asked), np.empty(len(asked)), np.empty(len(asked), np.int64))
        result.points[order] = found
        result.distance[order] = np.sqrt(np.maximum(squared, 0))
        result.face[order] = face
        return result

    @cached_property
    def _tree(self) -> Any:
        try:
            import igl
        except ImportError as error:
            raise ConfigError(
                "distances to meshes need libigl, which is not installed. "
                "Install it with: pip install 'monoface[eval]'"
            ) from error
        tree = igl.AABB()
        tree.init(self.verts, self.faces)
        return tree


def degenerate_triangles(
    verts: Float[np.ndarray, "verts 3"], faces: Int[np.ndarray, "faces 3"]
) -> Bool[np.ndarray, " faces"]:
    """Which triangles have no area, as far as 64 bits can tell."""
    first, second, third = (verts[faces[:, corner]].astype(np.float64) for corner in range(3))
    along, across = second - first, third - first
    doubled = np.linalg.norm(np.cross(along, across), axis=1)
    longest = np.maximum(np.linalg.norm(along, axis=1), np.linalg.norm(across, axis=1))
    return doubled <= 1e-12 * longest**2


def _by_neighbourhood(points: Float64[np.ndarray, "points 3"]) -> Int64[np.ndarray, " points"]:
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    cells = ((points - low) / np.where(extent > 0, extent, 1.0) * _CELLS).astype(np.int64)
    return np.argsort((cells[:, 0] * (_CELLS + 1) + cells[:, 1]) * (_CELLS + 1) + cells[:, 2], kind="stable")
