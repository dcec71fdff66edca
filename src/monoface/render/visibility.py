"""Which vertices a picture shows."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monoface.geometry.triangles import signed_areas_px
from monoface.raster import rasterize
from monoface.raster.rasterize import Cull

DEFAULT_TOLERANCE_MM = 3.0


def vertex_visibility(
    verts_px: Float[Tensor, "batch verts 3"],
    faces: Int[Tensor, "faces 3"],
    size: tuple[int, int],
    *,
    perspective: bool = False,
    tolerance_mm: float = DEFAULT_TOLERANCE_MM,
) -> Bool[Tensor, "batch verts"]:
    """Whether vertices face the camera, lie in the picture, and nothing is in front of them.

    A vertex is hidden if the surface at all four pixel centres around it is nearer by more than the
    tolerance: at a silhouette, and on steep surfaces, one of them shows what the vertex belongs to.

    Args:
        verts_px: x, y and depth in millimetres, as `raster.rasterize` takes them.
        faces: Vertex indices.
        size: Height and width of the picture.
        perspective: As for `raster.rasterize`.
        tolerance_mm: How far in front of a vertex the visible surface may be.

    Returns:
        False for vertices of no triangle.
    """
    height, width = size
    with torch.no_grad():
        depth = _depth_map(verts_px, faces, size, perspective, cull="back")
        x, y, z = verts_px.unbind(dim=-1)
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        left, top = (x - 0.5).floor().nan_to_num().long(), (y - 0.5).floor().nan_to_num().long()
        open_towards_camera = torch.zeros_like(inside)
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            pixel = (top + dy).clamp(0, height - 1) * width + (left + dx).clamp(0, width - 1)
            open_towards_camera |= z <= depth.flatten(1).gather(1, pixel) + tolerance_mm
        return inside & open_towards_camera & _faces_camera(verts_px, faces)


def _depth_map(
    verts_px: Tensor, faces: Tensor, size: tuple[int, int], perspective: bool, cull: Cull
) -> Tensor:
    """Depth of the visible surface; infinity where there is none."""
    fragments = rasterize(verts_px, faces, size, perspective=perspective, cull=cull)
    return torch.where(fragments.mask, fragments.depth, torch.inf)


def _faces_camera(verts_px: Tensor, faces: Tensor) -> Tensor:
    """Whether the adjacent triangles together have a front side: their signed areas sum below zero."""
    areas = signed_areas_px(verts_px[..., :2], faces)
    summed = areas.new_zeros(verts_px.shape[:2])
    for corner in range(3):
        summed = summed.index_add(1, faces[:, corner], areas)
    return summed < 0
