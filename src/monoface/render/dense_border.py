"""Closing the gap of up to a texel between a dense mesh and the border of the chart that it was made from."""

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

# A way along the border with more edges leads around a hole, or past what no texel covers.
_LONGEST_WAY = 24


@dataclass(frozen=True)
class BorderStrip:
    """Triangles between the outermost texels and the border of the coarse mesh.

    Meshes that have a common border, such as those on both sides of a seam, then share its vertices.

    Attributes:
        verts: Vertices of the coarse mesh, which come after those of the dense one.
        faces: Indices of both, wound as the dense mesh is.
    """

    verts: Int[Tensor, " border"]
    faces: Int[Tensor, "strip 3"]


def border_strip(
    dense_faces: Int[Tensor, "faces 3"],
    dense_uv: Float[Tensor, "dense 2"],
    dense_corners: Int[Tensor, "dense 3"],
    coarse_faces: Int[Tensor, "coarse 3"],
    uv: Float[Tensor, "verts 2"],
) -> BorderStrip:
    """Join each edge at the outside of a dense mesh with the border next to it.

    Next to a texel is the border vertex with the shortest way along the coarse mesh, not the one that
    lies nearest in the texture: that may belong to the other lip.

    Args:
        dense_faces: A dense mesh of one part.
        dense_uv: Its texture coordinates.
        dense_corners: Vertices of the coarse mesh around each of its vertices.
        coarse_faces: The same part of the coarse mesh.
        uv: Texture coordinates of the coarse mesh.
    """
    places, coarse = uv.double().cpu().numpy(), coarse_faces.cpu().numpy()
    border = _outer_edges(coarse)
    beside = _neighbours(border)
    nearest, distance = _nearest_border(coarse, places, np.unique(border))
    edges = _outer_edges(dense_faces.cpu().numpy())
    corners, here = dense_corners.cpu().numpy(), dense_uv.double().cpu().numpy()
    rim = np.unique(edges)
    through = np.linalg.norm(here[rim, None] - places[corners[rim]], axis=-1) + distance[corners[rim]]
    label = dict(zip(rim.tolist(), nearest[corners[rim, through.argmin(axis=1)]].tolist(), strict=True))
    own = {int(vert): len(here) + row for row, vert in enumerate(np.unique(border))}
    ways: dict[tuple[int, int], list[int]] = {}
    faces = []
    for first, second in edges.tolist():
        ends = label[first], label[second]
        if ends not in ways:
            ways[ends] = _way(beside, *ends)
        way = ways[ends]
        if way:
            faces.append((second, first, own[way[0]]))
            faces.extend((second, own[one], own[other]) for one, other in pairwise(way))
    strip = torch.tensor(faces, dtype=torch.long).reshape(-1, 3)
    return BorderStrip(torch.from_numpy(np.unique(border)), strip)


def _outer_edges(faces: np.ndarray) -> Int[np.ndarray, "edges 2"]:
    """Edges of one triangle alone, directed as it is wound."""
    edges, numbers = _numbered_edges(faces)
    _, which, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    outer: np.ndarray = edges[counts[which] == 1]
    return outer


def _numbered_edges(faces: np.ndarray) -> tuple[Int[np.ndarray, "edges 2"], Int[np.ndarray, " edges"]]:
    """Edges of all triangles, and a number for each that does not know its direction."""
    edges = np.concatenate((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]])).astype(np.int64)
    return edges, edges.min(axis=1) * (int(faces.max(initial=0)) + 1) + edges.max(axis=1)


def _neighbours(edges: np.ndarray) -> Mapping[int, list[int]]:
    beside: dict[int, list[int]] = defaultdict(list)
    for first, second in edges.tolist():
        beside[first].append(second)
        beside[second].append(first)
    return beside


def _nearest_border(
    faces: np.ndarray, places: np.ndarray, border: np.ndarray
) -> tuple[Int[np.ndarray, " verts"], Float[np.ndarray, " verts"]]:
    """For each vertex the border vertex with the shortest way along edges, in the texture, and its length."""
    edges, numbers = _numbered_edges(faces)
    beside = _neighbours(edges[np.unique(numbers, return_index=True)[1]])
    nearest = np.full(len(places), -1)
    distance = np.full(len(places), np.inf)
    waiting = [(0.0, vert, vert) for vert in border.tolist()]
    heapify(waiting)
    while waiting:
        length, vert, source = heappop(waiting)
        if nearest[vert] >= 0:
            continue
        nearest[vert], distance[vert] = source, length
        for other in beside[vert]:
            if nearest[other] < 0:
                step = float(np.linalg.norm(places[vert] - places[other]))
                heappush(waiting, (length + step, other, source))
    return nearest, distance


def _way(beside: Mapping[int, list[int]], start: int, end: int) -> list[int]:
    """Vertices of the border from one to another, both included; none if there is no short way."""
    came = {start: start}
    waiting = deque([(start, 0)])
    while waiting and end not in came:
        vert, steps = waiting.popleft()
        if steps < _LONGEST_WAY:
            for other in beside[vert]:
                if other not in came:
                    came[other] = vert
                    waiting.append((other, steps + 1))
    if end not in came:
        return []
    way = [end]
    while way[-1] != start:
        way.append(came[way[-1]])
    return way[::-1]
