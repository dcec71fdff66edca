"""A bust cut clean: everything below a plane goes, and triangles that cross it are cut."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

# An edge is cut at least so far from its ends, as a part of it: no slivers.
_LEAST_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class Cut:
    """Rows of a cut mesh, each on the edge between two vertices of the whole one.

    Attributes:
        first: One end of the edge of each new vertex; the vertex itself where it was kept.
        second: The other end.
        share: Of the second end, 0 to 1.
        faces: Triangles over the new vertices.
        face_origin: The triangle that each of them was.
        weld: For each new vertex the first one at its place.
    """

    first: Int[np.ndarray, " verts"]
    second: Int[np.ndarray, " verts"]
    share: Float[np.ndarray, " verts"]
    faces: Int[np.ndarray, "faces 3"]
    face_origin: Int[np.ndarray, " faces"]
    weld: Int[np.ndarray, " verts"]

    def take(self, rows: Float[np.ndarray, "*lead verts axes"]) -> Float[np.ndarray, "*lead cut axes"]:
        """Values at the new vertices, of values at the old ones, along the axis before the last."""
        share = self.share[:, None].astype(rows.dtype)
        return rows[..., self.first, :] * (1 - share) + rows[..., self.second, :] * share


def cut_mesh(
    height: Float[np.ndarray, " verts"], faces: Int[np.ndarray, "faces 3"], weld: Int[np.ndarray, " verts"]
) -> Cut:
    """Cut a mesh where the height of its surface is zero, and keep what is above.

    Args:
        height: Of each vertex above the surface that cuts; equal for vertices that are welded.
        faces: Triangles.
        weld: For each vertex the first one at its place.
    """
    above = height > 0
    inside = above[faces].sum(axis=1)
    pairs: dict[tuple[int, int], int] = {}
    triangles, origin = [], []

    def at(corner: int, other: int) -> int:
        """Number of the new vertex at a corner, or on the edge from a corner above to one below."""
        return pairs.setdefault((corner, other), len(pairs))

    for number in np.flatnonzero(inside > 0):
        corners = faces[number]
        if inside[number] == 3:
            pieces = [[at(int(corner), int(corner)) for corner in corners]]
        else:
            # Turned so that the corner that is alone on its side comes first.
            alone = int(np.flatnonzero(above[corners] == (inside[number] == 1))[0])
            a, b, c = (int(corner) for corner in np.roll(corners, -alone))
            if inside[number] == 1:
                pieces = [[at(a, a), at(a, b), at(a, c)]]
            else:
                pieces = [[at(b, a), at(b, b), at(c, c)], [at(b, a), at(c, c), at(c, a)]]
        triangles += pieces
        origin += [number] * len(pieces)
    ends = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    return _cut(height, ends, np.array(triangles).reshape(-1, 3), np.array(origin), weld)


def _cut(
    height: np.ndarray, ends: np.ndarray, faces: np.ndarray, origin: np.ndarray, weld: np.ndarray
) -> Cut:
    first, second = ends.T
    fall = height[first] - height[second]
    share = np.where(first == second, 0.0, height[first] / np.where(fall > 0, fall, 1.0))
    share = np.where(first == second, 0.0, np.clip(share, _LEAST_SHARE, 1 - _LEAST_SHARE))
    # Kept vertices come first, in their old order.
    order = np.lexsort((second, first, first != second))
    place = np.empty(len(ends), dtype=np.int64)
    place[order] = np.arange(len(ends))
    welded = weld[ends[order]]
    _, start, inverse = np.unique(welded, axis=0, return_index=True, return_inverse=True)
    return Cut(first[order], second[order], share[order], place[faces], origin, start[inverse.ravel()])
