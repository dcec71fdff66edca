"""A mesh coloured by the error of its vertices, drawn from the front."""

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8

from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.geometry.triangles import vertex_normals
from monoface.render import Renderer

SIDE_PX = 300
_OVERSAMPLING = 2
_BACKGROUND = 0.955

# From small to large errors, sRGB: a scale that grows in brightness and is told apart by the colour-blind.
_SCALE = np.array([
    (0.19, 0.14, 0.36), (0.25, 0.36, 0.62), (0.15, 0.58, 0.62), (0.38, 0.77, 0.50), (0.93, 0.89, 0.40),
    (0.99, 0.68, 0.26), (0.93, 0.36, 0.22),
])  # fmt: skip


def heat_colours(errors: Float[np.ndarray, " verts"], limit: float) -> Float[np.ndarray, "verts 3"]:
    """Colours of errors, sRGB in [0, 1]; grey where there is none."""
    places = np.linspace(0, 1, len(_SCALE))
    share = np.clip(np.nan_to_num(errors) / max(limit, 1e-12), 0, 1)
    colours = np.stack([np.interp(share, places, _SCALE[:, channel]) for channel in range(3)], axis=1)
    return np.where(np.isfinite(errors)[:, None], colours, 0.72)


def heat_map(
    verts_mm: Float[np.ndarray, "verts 3"],
    faces: Int[np.ndarray, "faces 3"],
    errors_mm: Float[np.ndarray, " verts"],
    limit_mm: float,
) -> UInt8[np.ndarray, "side side 3"]:
    """Picture of a mesh whose +z points to the viewer and +y up.

    Args:
        verts_mm: Vertices; what frames the picture are those that have an error.
        faces: Triangles, front faces counter-clockwise seen from outside.
        errors_mm: NaN where a vertex has none: it is drawn grey.
        limit_mm: Errors of this size, and larger ones, have the last colour.
    """
    upright = torch.from_numpy(np.asarray(verts_mm, dtype=np.float32)) * torch.tensor([1.0, -1.0, -1.0])
    known = np.isfinite(errors_mm)
    framed = upright[torch.from_numpy(known if known.any() else np.ones(len(known), bool)), :2]
    low, high = framed.amin(dim=0), framed.amax(dim=0)
    size = SIDE_PX * _OVERSAMPLING
    scale = 0.92 * size / (high - low).amax().clamp_min(1e-6)
    camera = WeakPerspectiveCamera(scale[None], (size / 2 - (low + high) / 2 * scale)[None])
    triangles = torch.from_numpy(np.ascontiguousarray(faces, dtype=np.int64))
    placed = (upright + torch.tensor([0.0, 0.0, 1000.0]))[None]
    # A head lamp, so that the shape is seen under the colours.
    facing = -vertex_normals(placed, triangles)[0, :, 2]
    lit = 0.45 + 0.55 * facing.clamp(0, 1)
    colours = torch.from_numpy(heat_colours(errors_mm, limit_mm)).float() * lit[:, None]
    drawn = Renderer(triangles, (size, size), cull="none").render(camera, placed, colours[None])
    # The colours are sRGB already: what the renderer calls radiance is what it interpolated.
    mask = drawn.mask[:, None].float()
    picture = drawn.radiance * mask + (1 - mask) * _BACKGROUND
    small = torch.nn.functional.avg_pool2d(picture, _OVERSAMPLING)[0]
    return (255 * small.clamp(0, 1)).round().byte().permute(1, 2, 0).numpy()
