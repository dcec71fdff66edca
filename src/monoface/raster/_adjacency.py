"""Which triangles share an edge."""

import torch
from jaxtyping import Int
from torch import Tensor


def edge_twins(faces: Int[Tensor, "faces 3"]) -> Int[Tensor, " edges"]:
    """For each of the triangles' edges the same edge of the triangle next to it; -1 at a border.

    Edge 3 f + k leads from corner k of triangle f to its next corner. Edges of three or more triangles,
    and of a vertex with itself, count as borders.
    """
    ends = torch.stack((faces, faces.roll(-1, dims=1)), dim=-1).flatten(0, 1).sort(dim=1).values
    # One number for both ends.
    key = (ends[:, 0] << 32) | ends[:, 1]
    ordered, edge = key.sort(stable=True)
    same = torch.nn.functional.pad(ordered[1:] == ordered[:-1], (1, 1))
    starts_pair = same[1:-1] & ~same[:-2] & ~same[2:]
    first = (starts_pair & (ends[edge[:-1], 0] != ends[edge[:-1], 1])).nonzero().squeeze(1)
    twins = torch.full_like(key, -1)
    twins[edge[first]], twins[edge[first + 1]] = edge[first + 1], edge[first]
    return twins
