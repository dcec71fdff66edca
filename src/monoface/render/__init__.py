"""Pictures of meshes: cameras, rasteriser and shading put together, and the way back into texture space."""

from typing import TYPE_CHECKING

from monoface.core.on_demand import names_on_demand
from monoface.render.completion import complete_texture, extend_smoothly
from monoface.render.layout import TextureLayout
from monoface.render.overlay import draw_landmarks, draw_mesh, draw_pose_axes
from monoface.render.projection import project
from monoface.render.unwrap import TextureMap, unwrap_photo
from monoface.render.visibility import vertex_visibility

if TYPE_CHECKING:
    from monoface.render.clipping import NearClip, clip_near
    from monoface.render.covisibility import covisible_by_depth, covisible_by_vertices
    from monoface.render.dense_border import BorderStrip, border_strip
    from monoface.render.dense_mesh import DenseMesh
    from monoface.render.renderer import (
        RenderedFace,
        Renderer,
        VisibleSurface,
        composite,
        normalized_coordinates,
    )
    from monoface.render.warping import View, WarpedView, warp_source

__all__ = [
    "BorderStrip",
    "DenseMesh",
    "NearClip",
    "RenderedFace",
    "Renderer",
    "TextureLayout",
    "TextureMap",
    "View",
    "VisibleSurface",
    "WarpedView",
    "border_strip",
    "clip_near",
    "complete_texture",
    "composite",
    "covisible_by_depth",
    "covisible_by_vertices",
    "draw_landmarks",
    "draw_mesh",
    "draw_pose_axes",
    "extend_smoothly",
    "normalized_coordinates",
    "project",
    "unwrap_photo",
    "vertex_visibility",
    "warp_source",
]

_IN_TORCH = {
    "clipping": ("NearClip", "clip_near"),
    "covisibility": ("covisible_by_depth", "covisible_by_vertices"),
    "dense_border": ("BorderStrip", "border_strip"),
    "dense_mesh": ("DenseMesh",),
    "renderer": ("RenderedFace", "Renderer", "VisibleSurface", "composite", "normalized_coordinates"),
    "warping": ("View", "WarpedView", "warp_source"),
}

__getattr__ = names_on_demand(
    __name__, {name: f"{__name__}.{module}" for module, names in _IN_TORCH.items() for name in names}
)
