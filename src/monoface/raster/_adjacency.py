"""Which triangles share an edge."""

import torch
from jaxtyping import Int
from torch import Tensor


def edge_twins(faces: Int[Tensor, "faces 3"]) -> Int[Tensor, "faces 3"]:
    """For each of the triangles' edges the same edge of the triangle next to it; -1 at a border.

    An edge's number, 4 f + k, says that it leads from corner k of triangle f to its next corner. Edges of
    three or more triangles, and of a vertex with itself, count as borders.
    """
    ends = torch.stack((faces, faces.roll(-1, dims=1)), dim=-1).flatten(0, 1).sort(dim=1).values
    # One number for both ends.
    key, edge = ((ends[:, 0] << 32) | ends[:, 1]).sort(stable=True)
    same = torch.nn.functional.pad(key[1:] == key[:-1], (1, 1))
    starts_pair = same[1:-1] & ~same[:-2] & ~same[2:]
    first = (starts_pair & (ends[edge[:-1], 0] != ends[edge[:-1], 1])).nonzero().squeeze(1)
    one, other = edge[first], edge[first + 1]
    twins = torch.full_like(edge, -1)
    twins[one], twins[other] = 4 * (other // 3) + other % 3, 4 * (one // 3) + one % 3
    return twins.reshape(-1, 3)
