"""The contour term: outline landmarks against the silhouette of the mesh.

Reference:
    Chen et al., "Self-supervised Learning of Detailed 3D Face Reconstruction", IEEE TIP 2020, and the code
    of its authors.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Silhouette = Literal["ratio", "count"]
"""Which vertices make the silhouette: see `silhouette_vertices`."""


def silhouette_vertices(
    front: Bool[Tensor, "batch faces"], faces: Int[Tensor, "faces 3"], verts: int, form: Silhouette = "ratio"
) -> Bool[Tensor, "batch verts"]:
    """Vertices where the visible and the hidden side of a mesh meet.

    Args:
        front: Which triangles face the camera.
        faces: Vertex indices.
        verts: Number of vertices.
        form: `ratio` is what is meant: some but not all triangles of the vertex face the camera. `count` is
            what the published code tests: a *number* of such triangles between 0 and 1, which there is none.
    """
    seen = front.to(torch.float32)
    counts, total = seen.new_zeros(len(front), verts), seen.new_zeros(verts)
    for corner in range(3):
        counts = counts.index_add(1, faces[:, corner], seen)
        total = total.index_add(0, faces[:, corner], torch.ones_like(seen[0]))
    value = counts / total.clamp_min(1) if form == "ratio" else counts
    return (value > 0) & (value < 1)


def contour_distance(
    points_px: Float[Tensor, "batch landmarks 2"],
    facing: Bool[Tensor, "batch landmarks"],
    target_px: Float[Tensor, "batch landmarks 2"],
    verts_px: Float[Tensor, "batch verts 2"],
    silhouette: Bool[Tensor, "batch verts"],
    weights: Float[Tensor, "batch landmarks"],
    limit_px: float,
) -> Float[Tensor, " batch"]:
    """Weighted mean of squared distances of outline landmarks, in square pixels.

    A landmark whose vertex faces the camera pulls that vertex; the others pull the nearest vertex of the
    silhouette, as far as it is nearer than the limit. Without a silhouette they cost the limit and pull
    nothing.

    Args:
        points_px: The landmarks' own vertices.
        facing: Whether these face the camera.
        target_px: Annotated points; finite also where their weight is zero.
        verts_px: All vertices.
        silhouette: As `silhouette_vertices` gives it.
        weights: How much each landmark counts.
        limit_px: Beyond it the silhouette does not pull. Published: 9.375 in crops of 300 pixels.
    """
    own = (points_px - target_px).square().sum(dim=-1)
    with torch.no_grad():
        distance = torch.cdist(target_px.float(), verts_px.float())
        distance = torch.where(silhouette[:, None], distance, torch.inf)
        least, nearest = distance.min(dim=-1)
    found = verts_px.gather(1, nearest[..., None].expand(-1, -1, 2))
    squared = (found - target_px).square().sum(dim=-1)
    beyond = (least > limit_px) | ~least.isfinite()
    hidden = torch.where(beyond, torch.full_like(squared, limit_px**2), squared)
    values = torch.where(facing, own, hidden)
    return (weights * values).sum(dim=-1) / weights.sum(dim=-1).clamp_min(1e-8)
