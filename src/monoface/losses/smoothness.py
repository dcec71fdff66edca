"""What keeps displacements small and smooth. Each term has a dead zone: below it nothing is pulled.

Every function gives one value per sample, a mean over what is valid. Chen et al. take means over the whole
batch at once; theirs are our values averaged over samples where all have equally much that is valid.

Reference:
    Chen et al., "Self-supervised Learning of Detailed 3D Face Reconstruction", IEEE TIP 2020.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def dead_zone(squared: Float[Tensor, "*shape"], threshold: float) -> Float[Tensor, "*shape"]:
    """Squares, but never below the threshold: no gradient where they are smaller."""
    return squared.clamp_min(threshold)


def masked_mean(
    values: Float[Tensor, " batch *shape"], mask: Float[Tensor, " #batch *#shape"]
) -> Float[Tensor, " batch"]:
    """Weighted mean of each sample; zero, with zero gradient, where all weights are zero."""
    weight = mask.expand_as(values).flatten(1)
    return (weight * values.flatten(1)).sum(dim=1) / weight.sum(dim=1).clamp_min(1e-8)


def displacement_size(
    height_mm: Float[Tensor, " batch *shape"], mask: Float[Tensor, " #batch *#shape"], limit: float = 10.0
) -> Float[Tensor, " batch"]:
    """Mean squared height, each square clipped at `limit` square millimetres."""
    return masked_mean(height_mm.square().clamp(0, limit), mask)


def normal_change(
    fine: Float[Tensor, "batch *shape 3"],
    coarse: Float[Tensor, "batch *shape 3"],
    mask: Float[Tensor, "#batch *#shape"],
    limit: float = 10.0,
) -> Float[Tensor, " batch"]:
    """Mean squared difference of normals, a mean over components too: a third of the squared distance."""
    return masked_mean((fine - coarse).square().clamp(0, limit).mean(dim=-1), mask)


def neighbour_deviation(
    values: Float[Tensor, "batch verts channels"],
    edges: Int[Tensor, "edges 2"],
    threshold: float,
) -> Float[Tensor, " batch"]:
    """Mean over vertices of the squared difference to the mean of the neighbours, by component.

    Each square counts at least the threshold. With positions in millimetres the published threshold is 0.2,
    with unit normals 1e-3. Vertices without a neighbour count with the threshold.

    Args:
        values: Positions or normals.
        edges: Each edge once, as `mesh_edges` gives them.
        threshold: Of the dead zone.
    """
    first, second = edges.T
    sums = torch.zeros_like(values).index_add(1, first, values[:, second])
    sums = sums.index_add(1, second, values[:, first])
    count = torch.bincount(edges.flatten(), minlength=values.shape[1]).to(values)[:, None]
    deviation = torch.where(count > 0, sums / count.clamp_min(1) - values, torch.zeros_like(values))
    return dead_zone(deviation.square(), threshold).flatten(1).mean(dim=1)


def adjacent_triangles_difference(
    area_normals: Float[Tensor, "batch faces 3"], pairs: Int[Tensor, "pairs 2"], threshold: float = 1e-4
) -> Float[Tensor, " batch"]:
    """Mean over pairs of triangles with a common edge of the squared difference of normals, by component.

    Args:
        area_normals: Normals of triangles; as published not of unit length, but twice the area long.
        pairs: As `adjacent_triangles` gives them.
        threshold: Of the dead zone.
    """
    difference = area_normals[:, pairs[:, 0]] - area_normals[:, pairs[:, 1]]
    return dead_zone(difference.square(), threshold).flatten(1).mean(dim=1)


def map_roughness(height_mm: Float[Tensor, "batch rows columns"]) -> Float[Tensor, " batch"]:
    """Mean squared differences of neighbouring texels: across, down and along both diagonals, summed.

    Each of the four is a mean over its own pairs.
    """
    across = height_mm[..., :, 1:] - height_mm[..., :, :-1]
    down = height_mm[..., 1:, :] - height_mm[..., :-1, :]
    falling = height_mm[..., 1:, 1:] - height_mm[..., :-1, :-1]
    rising = height_mm[..., 1:, :-1] - height_mm[..., :-1, 1:]
    return torch.stack(
        [difference.square().flatten(1).mean(dim=1) for difference in (across, down, falling, rising)]
    ).sum(dim=0)


def mesh_edges(faces: Int[Tensor, "faces 3"]) -> Int[Tensor, "edges 2"]:
    """Every edge of a mesh once, its lower vertex first."""
    return _sorted_edges(faces).unique(dim=0)


def adjacent_triangles(faces: Int[Tensor, "faces 3"]) -> Int[Tensor, "pairs 2"]:
    """Pairs of triangles that share an edge; those of an edge with more than two are left out."""
    _, which, counts = _sorted_edges(faces).unique(dim=0, return_inverse=True, return_counts=True)
    order = which.argsort(stable=True)
    shared: Bool[Tensor, " edges"] = counts == 2
    first = (counts.cumsum(0) - counts)[shared]
    triangle = torch.arange(len(faces), device=faces.device).repeat(3)[order]
    return torch.stack((triangle[first], triangle[first + 1]), dim=1)


def _sorted_edges(faces: Tensor) -> Tensor:
    edges = torch.cat((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]))
    return edges.sort(dim=1).values
