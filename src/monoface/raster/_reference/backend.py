"""The definition of the rasteriser, in plain PyTorch: readable, on any device, not fast.

Which triangle a pixel shows is decided in integers: vertices are rounded to a grid of 1/256 pixel,
edge functions are exact, and depths are compared in float32 with the lower face index winning a tie.
So every backend can agree with this one bit for bit.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from monoface.raster._grid import Snap, TakeValue, edge_function, is_rasterizable, to_grid
from monoface.raster._precision import SUBPIXEL_BITS, SUBPIXELS
from monoface.raster._reference.edges import antialias
from monoface.raster._reference.texture import sample
from monoface.raster.fragments import Fragments

__all__ = ["antialias", "interpolate", "rasterize", "sample"]

_CANDIDATES_AT_ONCE = 1 << 22
_NOTHING = torch.iinfo(torch.int64).max


def rasterize(
    verts_px: Tensor, faces: Tensor, size: tuple[int, int], *, perspective: bool, cull_back: bool
) -> Fragments:
    """See `monoface.raster.rasterize`."""
    with torch.no_grad():
        face_index = faces.new_full((len(verts_px), *size), -1)
        for picture, verts in zip(face_index, verts_px, strict=True):
            picture.copy_(_visible_faces(verts, faces, size, perspective, cull_back).reshape(size))
    corners = _visible_corners(faces, face_index)
    batch = torch.arange(len(verts_px), device=verts_px.device)[:, None]
    verts = verts_px[batch, corners].unflatten(1, (*size, 3))
    # Pixels without a surface see a fixed triangle, so that nothing singular enters the gradient.
    standin = verts_px.new_tensor(((0, 0, 1), (1, 0, 1), (0, 1, 1)))
    covered = face_index >= 0
    verts = torch.where(covered[..., None, None], verts, standin)
    barycentric, depth = _weights_and_depth(verts, _pixel_centres(size, verts_px.device), perspective)
    zero = depth.new_zeros(())
    return Fragments(
        face_index,
        torch.where(covered[..., None], barycentric, zero),
        torch.where(covered, depth, zero),
    )


def interpolate(attributes: Tensor, faces: Tensor, fragments: Fragments) -> Tensor:
    """See `monoface.raster.interpolate`."""
    face_index = fragments.face_index
    corners = _visible_corners(faces, face_index)
    batch = torch.arange(len(face_index), device=attributes.device)[:, None]
    values = attributes[batch, corners].unflatten(1, (*face_index.shape[1:], 3))
    first, second, third = (fragments.barycentric[..., None] * values).unbind(dim=-2)
    return torch.where(fragments.mask[..., None], (first + second) + third, values.new_zeros(()))


def _visible_corners(faces: Tensor, face_index: Tensor) -> Tensor:
    """Vertices of each pixel's triangle, any where there is none; pixels times corners."""
    faces = torch.cat((faces, faces.new_zeros((1, 3))))
    return faces[face_index].flatten(1)


def _visible_faces(
    verts_px: Tensor, faces: Tensor, size: tuple[int, int], perspective: bool, cull_back: bool
) -> Tensor:
    """Index of the nearest triangle at each of height * width pixel centres; -1 where there is none."""
    grid = to_grid(verts_px[:, :2])
    corners = grid[faces]
    area = edge_function(corners[:, 0], corners[:, 1], corners[:, 2])
    drawn = is_rasterizable(verts_px, perspective)[faces].all(dim=-1) & (area != 0)
    if cull_back:
        drawn &= area < 0
    height, width = size
    nearest = torch.full((height * width,), _NOTHING, dtype=torch.int64, device=faces.device)
    for face, x, y in _candidates(corners, drawn.nonzero().squeeze(1), size):
        pixel = torch.stack((x, y), dim=-1) * SUBPIXELS + SUBPIXELS // 2
        inside = _covers(corners[face], area[face], pixel)
        face, x, y, pixel = face[inside], x[inside], y[inside], pixel[inside]
        depth = _weights_and_depth(verts_px[faces[face]], pixel, perspective)[1]
        nearest.scatter_reduce_(0, y * width + x, _pack(depth, face), "amin")
    return torch.where(nearest == _NOTHING, -1, nearest & 0xFFFFFFFF)


def _candidates(
    corners: Tensor, drawn: Tensor, size: tuple[int, int]
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """All (face, x, y) with a pixel centre in the bounding box of a face, some faces at a time."""
    boxes = corners[drawn]
    half = SUBPIXELS // 2
    low = ((boxes.amin(dim=1) + half - 1) >> SUBPIXEL_BITS).clamp_min(0)
    high = (boxes.amax(dim=1) - half) >> SUBPIXEL_BITS
    high = torch.minimum(high, high.new_tensor((size[1] - 1, size[0] - 1)))
    extent = (high - low + 1).clamp_min(0)
    count = extent.prod(dim=-1)
    chunk_of_face = count.cumsum(0) // _CANDIDATES_AT_ONCE
    for chunk in chunk_of_face.unique().tolist():
        rows = (chunk_of_face == chunk).nonzero().squeeze(1)
        row = rows.repeat_interleave(count[rows])
        within = torch.arange(len(row), device=row.device)
        within -= (count[rows].cumsum(0) - count[rows]).repeat_interleave(count[rows])
        yield drawn[row], low[row, 0] + within % extent[row, 0], low[row, 1] + within // extent[row, 0]


def _covers(corners: Tensor, area: Tensor, pixel: Tensor) -> Tensor:
    """Whether triangles own pixel centres: inside, or on a top or left edge."""
    sign = area.sign()
    covered = torch.ones_like(area, dtype=torch.bool)
    for start, end in ((1, 2), (2, 0), (0, 1)):
        a, b = corners[:, start], corners[:, end]
        dx, dy = (sign[:, None] * (b - a)).unbind(dim=-1)
        owns_its_points = (dy < 0) | ((dy == 0) & (dx > 0))
        value = sign * edge_function(a, b, pixel)
        covered &= torch.where(owns_its_points, value >= 0, value > 0)
    return covered


def _weights_and_depth(verts_px: Tensor, pixel: Tensor, perspective: bool) -> tuple[Tensor, Tensor]:
    """Barycentric weights and depth of grid points `pixel` on triangles (..., 3 corners, 3).

    Values come from the exact integers, derivatives from the same formula in real numbers.
    """
    exact = _barycentrics(to_grid(verts_px[..., :2]), pixel, verts_px.dtype)
    smooth = _barycentrics(
        Snap.apply(verts_px[..., :2]) * SUBPIXELS, pixel.to(verts_px.dtype), verts_px.dtype
    )
    weights = TakeValue.apply(smooth, exact)
    b0, b1, b2 = weights.unbind(dim=-1)
    z = verts_px[..., 2]
    q0, q1, q2 = (1 / z if perspective else z).unbind(dim=-1)
    q = (q0 + b1 * (q1 - q0)) + b2 * (q2 - q0)
    if not perspective:
        return weights, q
    depth = 1 / q
    return torch.stack(((b0 * q0) * depth, (b1 * q1) * depth, (b2 * q2) * depth), dim=-1), depth


def _barycentrics(corners: Tensor, pixel: Tensor, dtype: torch.dtype) -> Tensor:
    a, b, c = corners.unbind(dim=-2)
    area = edge_function(a, b, c)
    # Signed so that the values converted to floats are positive, whichever way the triangle turns.
    sign = area.detach().sign()
    edges = torch.stack(
        (edge_function(b, c, pixel), edge_function(c, a, pixel), edge_function(a, b, pixel)), dim=-1
    )
    return (sign[..., None] * edges).to(dtype) * (1 / (sign * area).to(dtype))[..., None]


def _pixel_centres(size: tuple[int, int], device: torch.device) -> Tensor:
    y, x = torch.meshgrid(*(torch.arange(count, device=device) for count in size), indexing="ij")
    return torch.stack((x, y), dim=-1) * SUBPIXELS + SUBPIXELS // 2


def _pack(depth: Tensor, face: Tensor) -> Tensor:
    """Integers in the order of (depth, face): the float's bits, negative ones turned round, then the face."""
    # Adding zero makes -0 and 0 one depth.
    bits = (depth.to(torch.float32) + 0.0).view(torch.int32).to(torch.int64)
    ordered = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    return (ordered << 32) | face
