"""Where the surface that one picture shows lies in another one, and what is there."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera, rigid_matrix

Camera = PerspectiveCamera | WeakPerspectiveCamera

NEAREST_MM = 1.0
"""Points nearer to a pinhole, or behind it, are projected as if so many millimetres away, as cameras do."""


def reproject(
    depth_target: Float[Tensor, "batch height width"],
    camera_target: Camera,
    camera_source: Camera,
    rotation: Float[Tensor, "batch 3 3"],
    translation: Float[Tensor, "batch 3"],
) -> tuple[Float[Tensor, "batch height width 2"], Float[Tensor, "batch height width"]]:
    """Pixels of the source, and depths in its camera frame, of what the target's pixel centres show.

    Differentiable with respect to depth, poses and cameras. Where the target has no surface the result
    means nothing, but is finite.

    Args:
        depth_target: Millimetres along the target's viewing axis.
        camera_target: Of the target's picture.
        camera_source: Of the source's; it need not be of the same kind.
        rotation: From the target's camera frame to the source's (`epipolar.relative_pose`).
        translation: Likewise, millimetres.
    """
    batch, height, width = depth_target.shape
    matrix = reprojection_matrix(camera_target, camera_source, rotation, translation)
    depth = depth_target.reshape(batch, 1, -1)
    pixels = _pixel_centres(depth_target)
    if isinstance(camera_target, PerspectiveCamera):
        places = pixels * depth
    else:
        places = torch.cat((pixels[:2].expand(batch, -1, -1), depth), dim=1)
    projected = torch.baddbmm(matrix[..., 3:], matrix[..., :3], places)
    points, depth_source = projected[:, :2], projected[:, 2]
    if isinstance(camera_source, PerspectiveCamera):
        points = points / depth_source.clamp_min(NEAREST_MM)[:, None]
    source_px = points.transpose(1, 2).reshape(batch, height, width, 2)
    return source_px, depth_source.reshape(batch, height, width)


def reprojection_matrix(
    camera_target: Camera,
    camera_source: Camera,
    rotation: Float[Tensor, "batch 3 3"],
    translation: Float[Tensor, "batch 3"],
) -> Float[Tensor, "batch 3 4"]:
    """Matrix from what the target shows at pixels to pixels of the source, and depth in its frame.

    It takes x, y, depth, 1, where x and y are pixel coordinates, times depth if the target's camera is a
    pinhole; and it gives x, y, depth, where x and y are times depth if the source's camera is a pinhole.
    """
    return _projection(camera_source) @ rigid_matrix(rotation, translation) @ _unprojection(camera_target)


def sample_bilinear(
    image: Float[Tensor, "batch channels height width"],
    points_px: Float[Tensor, "batch rows columns 2"],
) -> tuple[Float[Tensor, "batch channels rows columns"], Bool[Tensor, "batch rows columns"]]:
    """Values of a picture at places in it, and whether four pixels of the picture surround the place.

    Elsewhere values are those of the nearest place that has them, without gradient.

    Args:
        image: Any channels.
        points_px: x and y; the first pixel's centre is at (0.5, 0.5).
    """
    height, width = image.shape[-2:]
    scale = points_px.new_tensor((2 / width, 2 / height))
    # Between -1 and 1, edges to edges, as PyTorch's sampler counts.
    grid = points_px * scale - 1
    sampled = torch.nn.functional.grid_sample(image, grid, padding_mode="border", align_corners=False)
    with torch.no_grad():
        x, y = points_px.unbind(dim=-1)
        inside = (x >= 0.5) & (x <= width - 0.5) & (y >= 0.5) & (y <= height - 0.5)
    return sampled, inside


def sample_clamped(
    image: Float[Tensor, "batch channels height width"],
    points_px: Float[Tensor, "batch rows columns 2"],
) -> tuple[Float[Tensor, "batch channels rows columns"], Float[Tensor, "batch rows columns"]]:
    """The published `sample_bilinear`: values, and as validity the sum of four bilinear weights.

    Corners are clamped into the picture before the weights are found. Outside, weights of both signs
    cancel, but up to rounding only, which grows with the way; at the last row's and column's centres they
    cancel too.
    """
    batch, channels, height, width = image.shape
    x, y = (points_px - 0.5).unbind(dim=-1)
    left, right, to_left, to_right = _clamped_corners(x, width)
    top, bottom, to_top, to_bottom = _clamped_corners(y, height)
    flat = image.flatten(2)
    values, validity = image.new_zeros(()), image.new_zeros(())
    for column, weight_x in ((left, to_left), (right, to_right)):
        for row, weight_y in ((top, to_top), (bottom, to_bottom)):
            index = (row * width + column).reshape(batch, 1, -1).expand(-1, channels, -1)
            weight = weight_x * weight_y
            values = values + weight[:, None] * flat.gather(2, index).unflatten(2, x.shape[1:])
            validity = validity + weight
    return values, validity


def _clamped_corners(place: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Indices of the pixels before and after a place, clamped, and their weights."""
    before = place.detach().floor()
    low, high = before.clamp(0, count - 1), (before + 1).clamp(0, count - 1)
    return low.long(), high.long(), high - place, place - low


def _pixel_centres(like: Float[Tensor, "batch height width"]) -> Float[Tensor, "3 pixels"]:
    """Homogeneous coordinates of pixel centres, row by row."""
    height, width = like.shape[1:]
    x = torch.arange(width, dtype=like.dtype, device=like.device) + 0.5
    y = torch.arange(height, dtype=like.dtype, device=like.device) + 0.5
    x, y = x.expand(height, -1), y[:, None].expand(-1, width)
    return torch.stack((x, y, torch.ones_like(x))).flatten(1)


def _projection(camera: Camera) -> Float[Tensor, "batch 3 4"]:
    """Matrix from homogeneous points of the camera frame to pixels (of a pinhole, times depth) and depth."""
    if isinstance(camera, PerspectiveCamera):
        return _matrix(camera.focal_px, camera.principal_px, column=2)[:, :3]
    return _matrix(camera.scale_px_per_mm, camera.principal_px, column=3)[:, :3]


def _unprojection(camera: Camera) -> Float[Tensor, "batch 4 4"]:
    """Matrix from pixels (of a pinhole, times depth), depth and 1 to homogeneous points of the frame."""
    if isinstance(camera, PerspectiveCamera):
        back = 1 / camera.focal_px
        return _matrix(back, -camera.principal_px * back[:, None], column=2)
    back = 1 / camera.scale_px_per_mm
    return _matrix(back, -camera.principal_px * back[:, None], column=3)


def _matrix(scale: Tensor, offset: Tensor, column: int) -> Float[Tensor, "batch 4 4"]:
    """Scales x and y and adds the offset times one of the other two coordinates."""
    other = torch.zeros_like(offset)
    third, fourth = (offset, other) if column == 2 else (other, offset)
    zero, one = torch.zeros_like(scale), torch.ones_like(scale)
    rows = (
        (scale, zero, third[:, 0], fourth[:, 0]),
        (zero, scale, third[:, 1], fourth[:, 1]),
        (zero, zero, one, zero),
        (zero, zero, zero, one),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
