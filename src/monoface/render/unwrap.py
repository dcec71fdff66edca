"""From a photo to the texture of the face in it: what the photo shows, and how well."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monoface.core.threads import band_limits, count_bands, run_for_each
from monoface.geometry.cameras import PerspectiveCamera
from monoface.geometry.triangles import vertex_normals
from monoface.raster import rasterize
from monoface.render.layout import TextureLayout
from monoface.render.renderer import Camera, project

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
class TextureMap:
    """A texture in the colour space of the photo (sRGB), origin at the top left.

    Attributes:
        image: Colours, 0 to 1.
        weight: How far each texel's colour comes from the photo, 0 to 1.
    """

    image: Float[Tensor, "size size 3"]
    weight: Float[Tensor, "size size"]


def unwrap_photo(
    photo: Float[Tensor, "3 height width"],
    camera: Camera,
    verts_camera: Float[Tensor, "verts 3"],
    layout: TextureLayout,
    *,
    weld: Int[Tensor, " verts"] | None = None,
) -> TextureMap:
    """Reads the colour of each texel from where the photo shows it.

    The weight falls off smoothly where the surface turns away from the camera, towards silhouettes and
    the edges of what hides other parts, and at the photo's border. Runs on the CPU; not differentiable.

    Args:
        photo: sRGB, 0 to 1.
        camera: Camera of the photo, a batch of one.
        verts_camera: Vertices of the layout's mesh in the camera frame, millimetres, in front of the
            camera.
        layout: Texture space of the mesh.
        weld: See `geometry.triangles.vertex_normals`.

    Returns:
        Texture with colour 0 and weight 0 where the photo shows nothing.
    """
    from monoface.render import _kernels

    perspective = isinstance(camera, PerspectiveCamera)
    with torch.no_grad():
        verts = verts_camera.detach().float().cpu()
        verts_px = project(camera, verts[None])[0]
        photo, origin_px, shrink = _cut_out(photo.detach().float().cpu(), verts_px, layout.size)
        verts_px = torch.cat(((verts_px[:, :2] - origin_px) / shrink, verts_px[:, 2:]), dim=1)
        attributes = torch.cat((verts_px, _facing(verts, layout.faces, weld, perspective)), dim=1)
        occluders, interior, occluder_map = _occluders(verts_px, verts, layout.faces, perspective)
        colour, weight = torch.empty((layout.size, layout.size, 3)), torch.empty((layout.size, layout.size))
    surface = [attributes.numpy(), layout.faces.numpy(), layout.usable.numpy()]
    view = [photo.numpy(), occluders.numpy(), interior.numpy(), occluder_map.numpy()]
    texels = [tensor.numpy() for tensor in (layout.face_index, layout.barycentric, colour, weight)]

    def sample(band: tuple[int, int]) -> None:
        _kernels.sample_photo(*view, *surface, perspective, *[array[slice(*band)] for array in texels])

    run_for_each(sample, band_limits(layout.size, 4 * count_bands(1)))
    return TextureMap(colour, weight)


def _cut_out(photo: Tensor, verts_px: Tensor, size: int) -> tuple[Tensor, Tensor, int]:
    """The part of the photo around the mesh, averaged down if far finer than the texture.

    Returns the part, its origin in the photo and by what it was shrunk.
    """
    limits = torch.tensor((photo.shape[2], photo.shape[1]))
    points = verts_px[:, :2].nan_to_num()
    low = torch.minimum((points.amin(dim=0).floor().long() - 2).clamp_min(0), limits - 2)
    high = torch.maximum(torch.minimum(points.amax(dim=0).ceil().long() + 2, limits), low + 2)
    part = photo[:, int(low[1]) : int(high[1]), int(low[0]) : int(high[0])]
    shrink = max(1, int(max(part.shape[1:]) / (_LARGEST_SHRINK * size)))
    if shrink > 1 and min(part.shape[1:]) >= 2 * shrink:
        return torch.nn.functional.avg_pool2d(part, shrink), low, shrink
    # Photos of one pixel's width or height still need four pixels to interpolate between.
    missing = (0, max(0, 2 - part.shape[2]), 0, max(0, 2 - part.shape[1]))
    return torch.nn.functional.pad(part[None], missing, mode="replicate")[0].contiguous(), low, 1


def _facing(verts: Tensor, faces: Tensor, weld: Tensor | None, perspective: bool) -> Tensor:
    """Cosine of the angle between a vertex's normal and the direction to the camera."""
    normals = vertex_normals(verts, faces, weld)
    if not perspective:
        return -normals[:, 2:]
    return -(normals * torch.nn.functional.normalize(verts, dim=-1)).sum(dim=-1, keepdim=True)


def _occluders(
    verts_px: Tensor, verts: Tensor, faces: Tensor, perspective: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Coarse pictures of the mesh for `sample_photo`, and how it finds its way in them.

    The first holds the least depth around each pixel, the second goes from 0 at the silhouette to 1.
    """
    low, high = verts_px[:, :2].amin(dim=0), verts_px[:, :2].amax(dim=0)
    scale = _OCCLUDER_PX / (high - low).amax().clamp_min(1e-6)
    offset = _MARGIN_PX - low * scale
    width, height = ((high - low) * scale + 2 * _MARGIN_PX + 1).long().clamp(2, 2 * _OCCLUDER_PX).tolist()
    scaled = torch.cat((verts_px[:, :2] * scale + offset, verts_px[:, 2:]), dim=1)
    fragments = rasterize(scaled[None], faces, (height, width), perspective=perspective)
    depth = torch.where(fragments.mask, fragments.depth, torch.inf)
    extent_mm = (verts[:, :2].amax(dim=0) - verts[:, :2].amin(dim=0)).amax()
    pixel_mm = float(extent_mm) / _OCCLUDER_PX
    growth_mm = extent_mm.new_tensor((_MARGIN_PX + 0.5) * pixel_mm)
    place = torch.stack((scale, *offset, extent_mm.new_tensor(_TOLERANCE_MM), growth_mm))
    return _least_around(depth, _MARGIN_PX)[0], _inside_silhouette(fragments.mask, pixel_mm)[0], place


def _inside_silhouette(mask: Tensor, pixel_mm: float) -> Tensor:
    """Rises from 0 to 1 between the two distances from what is not covered."""
    begin, end = (distance / max(pixel_mm, 1e-6) for distance in _SILHOUETTE_MM)
    middle, reach = (
        min(round(pixels), _OCCLUDER_PX // 8) for pixels in ((begin + end) / 2, (end - begin) / 2)
    )
    covered = torch.nn.functional.pad(mask.float(), (1, 1, 1, 1))
    eroded = _least_around(covered, middle)
    for axis in ((1, 2 * reach + 1), (2 * reach + 1, 1)):
        pad = (axis[0] // 2, axis[1] // 2)
        eroded = torch.nn.functional.avg_pool2d(eroded[None], axis, stride=1, padding=pad)[0]
    return eroded[:, 1:-1, 1:-1].contiguous()


def _least_around(values: Tensor, reach: int) -> Tensor:
    """Least value within so many pixels in each direction, in either axis."""
    for axis in ((1, 2 * reach + 1), (2 * reach + 1, 1)):
        pad = (axis[0] // 2, axis[1] // 2)
        values = -torch.nn.functional.max_pool2d(-values[None], axis, stride=1, padding=pad)[0]
    return values
