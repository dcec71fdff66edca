"""Vertices as the rasteriser takes them."""

from jaxtyping import Float

from monoface.core.arrays import Array, namespace
from monoface.geometry.cameras import AnyCamera


def project(camera: AnyCamera, verts_camera: Float[Array, "batch verts 3"]) -> Float[Array, "batch verts 3"]:
    """Pixel coordinates and depth of vertices, side by side, as `raster.rasterize` takes them."""
    points_px, depth_mm = camera.project(verts_camera)
    return namespace(verts_camera).concat((points_px, depth_mm[..., None]), -1)
