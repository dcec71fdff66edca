"""From a photo to the texture of the face in it: what the photo shows, and how well."""

from dataclasses import dataclass
from typing import Generic

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.core.arrays import Array, normalized
from monoface.core.kernels.threads import band_limits, count_bands, run_for_each
from monoface.geometry.cameras import AnyCamera, PerspectiveCamera
from monoface.geometry.resampling import averaged
from monoface.geometry.triangles import vertex_normals
from monoface.raster import rasterize
from monoface.render.layout import TextureLayout
from monoface.render.projection import project

_OCCLUDER_PX = 320
"""Longer side of the depth map that tells what is hidden: about a millimetre a pixel."""

_MARGIN_PX = 2
"""How much of what an occluder hides is left out around it, in pixels of the depth map."""

_SILHOUETTE_MM = (2.0, 12.0)
"""Distances from the silhouette at which a texel begins to count, and counts in full: fits are least exact
there, and a background colour on the cheek shows more than a filled texel."""

_TOLERANCE_MM = 4.0
"""How much nearer the surface within that margin may be, besides its slope, without hiding a texel."""

_LARGEST_SHRINK = 1.5
"""Photos are averaged down first where they have more pixels than this for a texel."""


@dataclass(frozen=True)
class TextureMap(Generic[Array]):
    """A texture in the colour space of the photo (sRGB), origin at the top left.

    Attributes:
        image: Colours, 0 to 1.
        weight: How far each texel's colour comes from the photo, 0 to 1.
    """

    image: Float[Array, "size size 3"]
    weight: Float[Array, "size size"]


def unwrap_photo(
    photo: Float[np.ndarray, "3 height width"],
    camera: AnyCamera,
    verts_camera: Float[np.ndarray, "verts 3"],
    layout: TextureLayout,
    *,
    weld: Int[np.ndarray, " verts"] | None = None,
    trust: Float[np.ndarray, " verts"] | None = None,
) -> TextureMap:
    """Reads the colour of each texel from where the photo shows it.

    The weight falls off smoothly where the surface turns away from the camera, towards silhouettes and
    the edges of what hides other parts, and at the photo's border.

    Args:
        photo: sRGB, 0 to 1.
        camera: Camera of the photo, a batch of one.
        verts_camera: Vertices of the layout's mesh in the camera frame, millimetres, in front of the
            camera.
        layout: Texture space of the mesh.
        weld: See `geometry.triangles.vertex_normals`.
        trust: Factor of the weights, 0 to 1; 1 everywhere, if not given.

    Returns:
        Texture with colour 0 and weight 0 where the photo shows nothing.
    """
    from monoface.render import _kernels

    perspective = isinstance(camera, PerspectiveCamera)
    verts = verts_camera.astype(np.float32, copy=False)
    verts_px = project(camera, verts[None])[0].astype(np.float32, copy=False)
    pixels, origin_px, shrink = _cut_out(photo, verts_px, layout.size)
    verts_px = np.concat(((verts_px[:, :2] - origin_px) / np.float32(shrink), verts_px[:, 2:]), axis=1)
    facing = _facing(verts, layout.faces, weld, perspective)
    trusts = np.ones(len(verts), np.float32) if trust is None else trust.astype(np.float32, copy=False)
    attributes = np.concat((verts_px, facing, trusts[:, None]), axis=1)
    occluders = _occluders(verts_px, verts, layout.faces, perspective)
    size = layout.size
    colour, weight = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
    surface = [attributes, layout.faces, layout.usable]
    texels = [layout.face_index, layout.barycentric, colour, weight]

    def sample(band: tuple[int, int]) -> None:
        rows = [array[slice(*band)] for array in texels]
        _kernels.sample_photo(pixels, *occluders, *surface, perspective, *rows)

    run_for_each(sample, band_limits(layout.size, 4 * count_bands(1)))
    return TextureMap(colour, weight)


def _cut_out(
    photo: Float[np.ndarray, "3 height width"], verts_px: Float[np.ndarray, "verts 3"], size: int
) -> tuple[Float[np.ndarray, "rows columns 3"], Float[np.ndarray, " 2"], int]:
    """The part of the photo around the mesh, averaged down if far finer than the texture.

    Returns the part, its origin in the photo and by what it was shrunk.
    """
    limits = np.array((photo.shape[2], photo.shape[1]))
    points = np.nan_to_num(verts_px[:, :2])
    low = np.minimum((np.floor(points.min(axis=0)).astype(int) - 2).clip(0), limits - 2)
    high = np.maximum(np.minimum(np.ceil(points.max(axis=0)).astype(int) + 2, limits), low + 2)
    part = photo[:, low[1] : high[1], low[0] : high[0]].transpose(1, 2, 0)
    shrink = max(1, int(max(part.shape[:2]) / (_LARGEST_SHRINK * size)))
    if shrink > 1 and min(part.shape[:2]) >= 2 * shrink:
        part = averaged(part, shrink)
    else:
        shrink = 1
    pixels, low = np.ascontiguousarray(part, np.float32), low.astype(np.float32)
    # Photos of one pixel's width or height still need four pixels to interpolate between.
    missing = [(0, max(0, 2 - extent)) for extent in pixels.shape[:2]]
    return np.pad(pixels, (*missing, (0, 0)), mode="edge") if max(missing)[1] else pixels, low, shrink


def _facing(
    verts: Float[np.ndarray, "verts 3"],
    faces: Int[np.ndarray, "faces 3"],
    weld: Int[np.ndarray, " verts"] | None,
    perspective: bool,
) -> Float[np.ndarray, "verts 1"]:
    """Cosine of the angle between a vertex's normal and the direction to the camera."""
    normals = vertex_normals(verts, faces, weld)
    if not perspective:
        return -normals[:, 2:]
    return -(normals * normalized(verts)).sum(axis=-1, keepdims=True)


def _occluders(
    verts_px: Float[np.ndarray, "verts 3"],
    verts: Float[np.ndarray, "verts 3"],
    faces: Int[np.ndarray, "faces 3"],
    perspective: bool,
) -> tuple[Float[np.ndarray, "height width"], Float[np.ndarray, "height width"], Float[np.ndarray, " 5"]]:
    """Coarse pictures of the mesh for `sample_photo`, and how it finds its way in them.

    The first holds the least depth around each pixel, the second goes from 0 at the silhouette to 1.
    """
    low, high = verts_px[:, :2].min(axis=0), verts_px[:, :2].max(axis=0)
    scale = np.float32(_OCCLUDER_PX / (high - low).max().clip(1e-6))
    offset = _MARGIN_PX - low * scale
    extent = ((high - low) * scale + 2 * _MARGIN_PX + 1).astype(int).clip(2, 2 * _OCCLUDER_PX)
    width, height = extent.tolist()
    scaled = np.concat((verts_px[:, :2] * scale + offset, verts_px[:, 2:]), axis=1)
    fragments = rasterize(scaled[None], faces, (height, width), perspective=perspective)
    covered = fragments.mask[0]
    depth = np.where(covered, fragments.depth[0], np.float32(np.inf))
    extent_mm = np.ptp(verts[:, :2], axis=0).max()
    pixel_mm = float(extent_mm) / _OCCLUDER_PX
    growth_mm = (_MARGIN_PX + 0.5) * pixel_mm
    place = np.array((scale, *offset, _TOLERANCE_MM, growth_mm), dtype=np.float32)
    return least_around(depth, _MARGIN_PX), _inside_silhouette(covered, pixel_mm), place


def _inside_silhouette(
    covered: Bool[np.ndarray, "height width"], pixel_mm: float
) -> Float[np.ndarray, "height width"]:
    """Rises from 0 to 1 between the two distances from what is not covered, and from the border."""
    begin, end = (distance / max(pixel_mm, 1e-6) for distance in _SILHOUETTE_MM)
    middle, reach = (
        min(round(pixels), _OCCLUDER_PX // 8) for pixels in ((begin + end) / 2, (end - begin) / 2)
    )
    sums, side = least_around(np.pad(covered, 1), middle).astype(np.int32), 2 * reach + 1
    for _ in range(2):
        # One more zero in front, so that the difference of two running sums is a sum of `side` values.
        running = np.cumsum(np.pad(sums, ((reach + 1, reach), (0, 0))), axis=0)
        sums = (running[side:] - running[:-side]).T
    return np.ascontiguousarray(sums[1:-1, 1:-1] / (side * side), dtype=np.float32)


def least_around(values: np.ndarray, reach: int) -> np.ndarray:
    """Least value within so many pixels in each direction, in either axis."""
    outside = np.array(np.inf if values.dtype.kind == "f" else True, dtype=values.dtype)
    for _ in range(2):
        # Windows of one, two, four… values: two that overlap make one of any width.
        least = np.pad(values, ((reach, reach), (0, 0)), constant_values=outside)
        width, wanted = 1, 2 * reach + 1
        while width < wanted:
            step = min(width, wanted - width)
            least, width = np.minimum(least[:-step], least[step:]), width + step
        values = least.T
    return np.ascontiguousarray(values)
