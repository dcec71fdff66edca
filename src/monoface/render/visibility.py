"""Which vertices a picture shows."""

from jaxtyping import Bool, Float, Int

from monoface.core.arrays import Array, added_at, detached, namespace
from monoface.geometry.triangles import signed_areas_px
from monoface.raster import rasterize
from monoface.raster.rasterize import Cull

DEFAULT_TOLERANCE_MM = 3.0


def vertex_visibility(
    verts_px: Float[Array, "batch verts 3"],
    faces: Int[Array, "faces 3"],
    size: tuple[int, int],
    *,
    perspective: bool = False,
    tolerance_mm: float = DEFAULT_TOLERANCE_MM,
) -> Bool[Array, "batch verts"]:
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
    (height, width), verts_px = size, detached(verts_px)
    xp, depth = namespace(verts_px), _depth_map(verts_px, faces, size, perspective, cull="back")
    x, y, z = (verts_px[..., axis] for axis in range(3))
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    left, top = (xp.asarray(xp.nan_to_num(xp.floor(at - 0.5)), dtype=xp.int64) for at in (x, y))
    open_towards_camera = xp.zeros_like(inside)
    rows = xp.arange(len(verts_px), device=faces.device)[:, None]
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        nearest = depth[rows, (top + dy).clip(0, height - 1), (left + dx).clip(0, width - 1)]
        open_towards_camera = open_towards_camera | (z <= nearest + tolerance_mm)
    return inside & open_towards_camera & _faces_camera(verts_px, faces)


def _depth_map(verts_px: Array, faces: Array, size: tuple[int, int], perspective: bool, cull: Cull) -> Array:
    """Depth of the visible surface; infinity where there is none."""
    fragments = rasterize(verts_px, faces, size, perspective=perspective, cull=cull)
    return namespace(verts_px).where(fragments.mask, fragments.depth, float("inf"))


def _faces_camera(verts_px: Array, faces: Array) -> Array:
    """Whether the adjacent triangles together have a front side: their signed areas sum below zero."""
    areas = signed_areas_px(verts_px[..., :2], faces)
    by_face = areas.swapaxes(0, 1)
    sums = [added_at(by_face, faces[:, corner], verts_px.shape[1]) for corner in range(3)]
    return (sums[0] + sums[1] + sums[2] < 0).swapaxes(0, 1)
