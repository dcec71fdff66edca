"""Offsets that are wanted at a few places of a mesh, spread over the surface around them without creases."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

# How much stretching the surface costs beside bending it.
_STRETCH = 0.3


@dataclass(frozen=True)
class EdgePoints:
    """Points on edges of a mesh.

    Attributes:
        ends: The two vertices of each point's edge.
        share: How far each point lies on the way from the first to the second.
    """

    ends: Int[np.ndarray, "points 2"]
    share: Float[np.ndarray, " points"]

    def take(self, values: Float[np.ndarray, "*batch verts 3"]) -> Float[np.ndarray, "*batch points 3"]:
        """Values at the points."""
        share = self.share[:, None]
        return (1 - share) * values[..., self.ends[:, 0], :] + share * values[..., self.ends[:, 1], :]

    def matrix(self, count: int) -> Float[np.ndarray, "points verts"]:
        """What `take` does, as a matrix over all vertices."""
        matrix = np.zeros((len(self.ends), count))
        every = np.arange(len(self.ends))
        np.add.at(matrix, (every, self.ends[:, 0]), 1 - self.share)
        np.add.at(matrix, (every, self.ends[:, 1]), self.share)
        return matrix


@dataclass(frozen=True)
class Wish:
    """Linear wishes for the offsets of vertices, in proportion to some inputs.

    Attributes:
        rows: Each wish as weights of the vertices' offsets.
        answer: Which value it should have, as weights of the inputs.
        firmness: How much more missing it costs than bending the surface.
    """

    rows: Float[np.ndarray, "wishes verts"]
    answer: Float[np.ndarray, "wishes inputs"]
    firmness: float


@dataclass(frozen=True)
class Spreading:
    """A linear map from inputs at a few places to the smoothest offsets of all vertices.

    Attributes:
        index: The vertices that move.
        matrix: For each of them the share of each input.
        count: Number of all vertices.
    """

    index: Int[np.ndarray, " moving"]
    matrix: Float[np.ndarray, "moving inputs"]
    count: int

    def __call__(self, inputs: Float[np.ndarray, "*batch inputs 3"]) -> Float[np.ndarray, "*batch verts 3"]:
        """Offsets of all vertices, 0 outside of the region."""
        spread = np.zeros((*inputs.shape[:-2], self.count, 3))
        spread[..., self.index, :] = np.einsum("vp,...pc->...vc", self.matrix, inputs)
        return spread


def spreading(
    verts: Float[np.ndarray, "verts 3"],
    faces: Int[np.ndarray, "faces 3"],
    weld: Int[np.ndarray, " verts"],
    moving: Bool[np.ndarray, " verts"],
    wishes: tuple[Wish, ...],
) -> Spreading:
    """How offsets spread over a region whose surroundings stay still.

    The field bends and stretches as little as it can in the square, so that it leaves neither the places of
    the wishes nor the still surroundings at an angle.

    Args:
        verts: Vertices, in millimetres.
        faces: Triangles over vertices welded along seams.
        weld: For each vertex the first one at its place.
        moving: The region.
        wishes: What the offsets should be, over vertices welded along seams.
    """
    used = np.unique(faces)
    index = used[moving[used]]
    smooth = _bending_and_stretch(verts, faces, moving)[:, index]
    system = np.concatenate((smooth, *(wish.firmness * wish.rows[:, index] for wish in wishes)))
    inputs = wishes[0].answer.shape[1]
    answer = np.concatenate(
        (np.zeros((len(smooth), inputs)), *(wish.firmness * wish.answer for wish in wishes))
    )
    solved = np.linalg.solve(system.T @ system, system.T @ answer)
    place = np.full(len(verts), -1)
    place[index] = np.arange(len(index))
    everyone = np.nonzero(place[weld] >= 0)[0]
    return Spreading(everyone, solved[place[weld[everyone]]], len(verts))


def unique_edges(faces: Int[np.ndarray, "faces 3"]) -> Int[np.ndarray, "edges 2"]:
    """Every edge of some triangles once, the smaller vertex first."""
    edges = np.concatenate((faces[:, :2], faces[:, 1:], faces[:, ::2]))
    return np.unique(np.sort(edges, axis=1), axis=0)


def _bending_and_stretch(
    verts: np.ndarray, faces: np.ndarray, moving: np.ndarray
) -> Float[np.ndarray, "rows verts"]:
    """Umbrella Laplacian at all vertices that move or have a neighbour that does, and slopes along edges."""
    edges = unique_edges(faces)
    edges = edges[moving[edges].any(axis=1)]
    both = np.concatenate((edges, edges[:, ::-1]))
    length = np.maximum(np.linalg.norm(verts[both[:, 0]] - verts[both[:, 1]], axis=1), 1e-3)
    centres, row = np.unique(both[:, 0], return_inverse=True)
    weight = 1 / length
    total = np.bincount(row, weight)
    spacing = np.bincount(row) / total
    bending = np.zeros((len(centres), len(verts)))
    np.add.at(bending, (row, both[:, 1]), weight / total[row])
    bending[np.arange(len(centres)), centres] -= 1
    slopes = np.zeros((len(edges), len(verts)))
    every = np.arange(len(edges))
    slope = _STRETCH / np.sqrt(length[: len(edges)])
    slopes[every, edges[:, 0]] = slope
    slopes[every, edges[:, 1]] = -slope
    return np.concatenate((bending / spacing[:, None], slopes))
