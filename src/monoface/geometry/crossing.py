"""Where a mesh passes through itself."""

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from monoface.core.errors import ConfigError

_CHUNK = 200_000


def crossing_triangles(
    verts: Float[np.ndarray, "verts 3"], faces: Int[np.ndarray, "faces 3"]
) -> Bool[np.ndarray, " faces"]:
    """Which triangles an edge of another one passes through, or whose own edges do so.

    Triangles that share a vertex are not compared, and those in one plane do not cross. Meant for triangles
    of similar size: the cost grows with the square of the largest one's.

    Raises:
        ConfigError: If scipy is not installed.
    """
    try:
        from scipy.spatial import KDTree
    except ImportError as error:
        raise ConfigError("crossings need scipy. Install it with: pip install 'monoface[eval]'") from error
    crossing = np.zeros(len(faces), dtype=bool)
    corners = verts[faces].astype(np.float64)
    centres = corners.mean(axis=1)
    reach = np.linalg.norm(corners - centres[:, None], axis=-1).max(axis=1)
    if len(faces) < 2:
        return crossing
    pairs = KDTree(centres).query_pairs(2 * float(reach.max()), output_type="ndarray")
    apart = np.linalg.norm(centres[pairs[:, 0]] - centres[pairs[:, 1]], axis=1)
    shared = (faces[pairs[:, 0], :, None] == faces[pairs[:, 1], None, :]).any(axis=(1, 2))
    pairs = pairs[(apart <= reach[pairs].sum(axis=1)) & ~shared]
    for start in range(0, len(pairs), _CHUNK):
        part = pairs[start : start + _CHUNK]
        for one, other in (part.T, part.T[::-1]):
            met = np.zeros(len(part), dtype=bool)
            for corner in range(3):
                begin, end = corners[one, corner], corners[one, (corner + 1) % 3]
                met |= _edges_meet(begin, end, corners[other])
            crossing[part[met].ravel()] = True
    return crossing


def _edges_meet(
    begin: Float64[np.ndarray, "pairs 3"],
    end: Float64[np.ndarray, "pairs 3"],
    triangle: Float64[np.ndarray, "pairs 3 3"],
) -> Bool[np.ndarray, " pairs"]:
    """Whether each edge passes through its triangle.

    Reference:
        Moeller and Trumbore, "Fast, Minimum Storage Ray-Triangle Intersection", 1997.
    """
    along = end - begin
    first, second = triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0]
    across = np.cross(along, second)
    determinant = (first * across).sum(axis=1)
    crosses = np.abs(determinant) > 1e-12
    inverse = 1 / np.where(crosses, determinant, 1)
    offset = begin - triangle[:, 0]
    u = (offset * across).sum(axis=1) * inverse
    turned = np.cross(offset, first)
    v = (along * turned).sum(axis=1) * inverse
    distance = (second * turned).sum(axis=1) * inverse
    inside: Bool[np.ndarray, " pairs"] = (
        crosses & (u >= 0) & (v >= 0) & (u + v <= 1) & (distance >= 0) & (distance <= 1)
    )
    return inside
