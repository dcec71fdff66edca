"""Which pixels of one picture show a surface that another picture of it shows too."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monoface.geometry.reprojection import sample_bilinear

DEFAULT_TOLERANCE_MM = 10.0
"""What two views' faces may differ in: benchmarks/covisibility.py finds that less costs recall only."""


def covisible_by_depth(
    source_px: Float[Tensor, "batch height width 2"],
    warped_mm: Float[Tensor, "batch height width"],
    depth_target: Float[Tensor, "batch height width"],
    depth_source: Float[Tensor, "batch rows columns"],
    tolerance_mm: float = DEFAULT_TOLERANCE_MM,
) -> Bool[Tensor, "batch height width"]:
    """Where the target's surface, moved into the source's frame, is what the source shows.

    False next to the source's silhouettes: all four pixels around the place must have a surface, since no
    depth lies between a surface and what has none. No gradient.

    Args:
        source_px: Where the target's surface lies in the source (`geometry.reprojection.reproject`).
        warped_mm: Its depth in the source's camera frame.
        depth_target: Depth of the target, 0 where it has no surface.
        depth_source: Depth of the source, 0 where it has no surface.
        tolerance_mm: How far apart the depths may be: for what the views' shapes differ in, and for
            surfaces that are not flat between pixels.
    """
    with torch.no_grad():
        sampled_mm, inside = sample_bilinear(depth_source[:, None], source_px)
        near = (warped_mm - sampled_mm[:, 0]).abs() <= tolerance_mm
        return inside & near & (depth_target > 0) & _amid_surface(depth_source > 0, source_px)


def covisible_by_vertices(
    face_index_target: Int[Tensor, "batch height width"],
    face_index_source: Int[Tensor, "batch rows columns"],
    faces: Int[Tensor, "faces 3"],
    *,
    triangle_0_leak: bool = False,
) -> Bool[Tensor, "batch height width"]:
    """Where the target shows a triangle with a vertex of which both pictures show some triangle.

    Geometry plays no part: neither depth nor where the surface would lie. Where a mesh has about as many
    triangles as the picture pixels, many of them get no pixel, and their vertices count as hidden.

    Args:
        face_index_target: Triangle of each pixel, -1 where there is none (`raster.rasterize`).
        face_index_source: Likewise.
        faces: The mesh.
        triangle_0_leak: Published: background counts as the first triangle, so that its vertices always
            are in both sets. Pixels of the background are not covisible all the same.

    Reference:
        Shang et al., ECCV 2020, section 3.3. They draw the triangles around common vertices once more and
        take their opacity; we look up whether the visible triangle is one of them. Both are the same but
        where one of them lies behind a triangle that is not.
    """
    least = 0 if triangle_0_leak else -1
    indices = (face_index.clamp_min(least) for face_index in (face_index_target, face_index_source))
    target, source = (_shown_vertices(index, faces) for index in indices)
    around = (target & source)[:, faces].any(dim=-1)
    found = around.gather(1, face_index_target.clamp_min(0).flatten(1)).view_as(face_index_target)
    return found & (face_index_target >= 0)


def _amid_surface(
    mask: Bool[Tensor, "batch rows columns"], points_px: Float[Tensor, "batch height width 2"]
) -> Bool[Tensor, "batch height width"]:
    """Whether all four pixels around a place show a surface."""
    rows, columns = mask.shape[1] - 1, mask.shape[2] - 1
    whole = mask[:, 1:, 1:] & mask[:, 1:, :-1] & mask[:, :-1, 1:] & mask[:, :-1, :-1]
    corner = (points_px - 0.5).floor().long()
    index = corner[..., 1].clamp(0, rows - 1) * columns + corner[..., 0].clamp(0, columns - 1)
    return whole.flatten(1).gather(1, index.flatten(1)).view_as(index)


def _shown_vertices(
    face_index: Int[Tensor, "batch height width"], faces: Int[Tensor, "faces 3"]
) -> Bool[Tensor, "batch verts"]:
    """Whether a picture shows a triangle that a vertex belongs to."""
    shown = torch.zeros(len(face_index), len(faces) + 1, dtype=torch.bool, device=faces.device)
    # The first column is for the background.
    shown.scatter_(1, face_index.flatten(1) + 1, True)
    corners = shown[:, 1:].repeat_interleave(3, dim=1)
    verts = torch.zeros(len(face_index), int(faces.max()) + 1, dtype=torch.uint8, device=faces.device)
    index = faces.flatten().expand(len(face_index), -1)
    return verts.scatter_reduce(1, index, corners.to(torch.uint8), "amax").bool()
