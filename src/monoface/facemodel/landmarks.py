"""Landmark sets: named points of a face model, each a sparse mean of vertices."""

from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
from jaxtyping import Float, Int

from monoface.core.arrays import Array, cast, filled, in_torch, namespace

# Indices of the usual iBUG/Multi-PIE 68 points, counted from 0.
JAW = tuple(range(17))
"""Jaw line, from the subject's right ear to the left one."""
INNER = tuple(range(17, 68))
"""Brows, nose, eyes and mouth."""
LEFT_RIGHT_68 = (
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip
"""Where each of the 68 points comes to lie when the face is mirrored."""
LEFT_RIGHT_21 = (5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 16, 15, 14, 13, 12, 19, 18, 17, 20)
"""Where each of AFLW's 21 points comes to lie when the face is mirrored."""

JAW17 = "jaw17"
"""Name of the set of points on the outline from ear to ear as pictures show it, which is no fixed place of
the mesh. There it is the jaw of the 68 points, where the outline is when a face looks at the camera."""

FLM18 = "flm18"
"""Name of the set of points that 2DASL's landmark map shows."""
FLM18_GROUPS = (
    (17,), (19,), (21,), (22,), (24,), (26,), (36,), (37, 40), (39,), (42,), (43, 46), (45,),
    (31,), (30,), (35,), (48,), (62, 66), (54,),
)  # fmt: skip
"""The 18 points of 2DASL's landmark map as means of the 68."""
FLM18_OF_21 = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 17, 18, 19)
"""Which of AFLW's 21 points are these 18: all but the ears and the chin."""
FLM18_GROUPS_468 = (
    (70,), (105,), (107,), (336,), (334,), (300,), (33,), (159,), (133,), (362,), (386,), (263,),
    (75,), (4,), (305,), (61,), (13, 14), (291,),
)  # fmt: skip
"""The 18 points among those of the face-mesh network: the nearest ones on the shipped model's mean face,
at most 6.3 mm apart (brows), 5 mm elsewhere."""


@dataclass(frozen=True)
class LandmarkSet(Generic[Array]):
    """Points of a mesh, each a weighted mean of a few vertices.

    Attributes:
        index: Vertices of each point; unused places repeat a vertex with weight 0.
        weight: Their weights, which sum to 1 in each row.
    """

    index: Int[Array, "landmarks entries"]
    weight: Float[Array, "landmarks entries"]

    @classmethod
    def from_vertices(cls, vertices: Int[np.ndarray, " landmarks"]) -> "LandmarkSet":
        """One vertex a point, in PyTorch."""
        in_numpy: Any = cls.of_vertices(vertices)
        return in_torch(in_numpy)

    @classmethod
    def of_vertices(cls, vertices: Int[np.ndarray, " landmarks"]) -> "LandmarkSet[np.ndarray]":
        """One vertex a point, in numpy."""
        index = np.asarray(vertices, dtype=np.int64)[:, None]
        return LandmarkSet(index, np.ones(index.shape, np.float32))

    @classmethod
    def joined(cls, *sets: "LandmarkSet") -> "LandmarkSet":
        """The points of several sets, one set after the other."""
        if not sets:
            none: Any = LandmarkSet.of_vertices(np.zeros(0, np.int64))
            return none
        width = max(one.index.shape[1] for one in sets)
        xp = namespace(sets[0].index)
        index = xp.concat([_widened(one.index, width) for one in sets])
        return cls(index, xp.concat([_widened(one.weight, width) for one in sets]))

    def __len__(self) -> int:
        return len(self.index)

    def points(self, verts: Float[Array, "batch verts 3"]) -> Float[Array, "batch landmarks 3"]:
        """The points on given meshes, in the frame and unit of the vertices."""
        return (cast(self.weight[..., None], verts) * verts[:, self.index]).sum(-2)

    def grouped(self, groups: tuple[tuple[int, ...], ...]) -> "LandmarkSet":
        """Set whose points are the plain means of groups of this set's points."""
        width = max(len(group) for group in groups) * self.index.shape[1]
        index, weight = (filled((len(groups), width), 0, like) for like in (self.index, self.weight))
        for row, group in enumerate(groups):
            flat = self.index[list(group)].flatten()
            index[row, : len(flat)] = flat
            index[row, len(flat) :] = flat[0]
            weight[row, : len(flat)] = self.weight[list(group)].flatten() / len(group)
        return LandmarkSet(index, weight)

    def to(self, device: Any) -> "LandmarkSet":
        """The same set on another device of PyTorch."""
        index: Any = self.index
        weight: Any = self.weight
        return LandmarkSet(index.to(device), weight.to(device))


def _widened(rows: Array, width: int) -> Array:
    """Rows with zeros at their ends."""
    missing = filled((len(rows), width - rows.shape[1]), 0, rows)
    return namespace(rows).concat((rows, missing), 1)
