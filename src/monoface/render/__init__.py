"""Pictures of meshes: cameras, rasteriser and shading put together, and the way back into texture space."""

from monoface.render.clipping import NearClip, clip_near
from monoface.render.completion import complete_texture
from monoface.render.layout import TextureLayout
from monoface.render.overlay import draw_landmarks, draw_mesh, draw_pose_axes
from monoface.render.renderer import RenderedFace, Renderer, composite, project
from monoface.render.unwrap import TextureMap, unwrap_photo
from monoface.render.visibility import vertex_visibility

__all__ = [
    "NearClip",
    "RenderedFace",
    "Renderer",
    "TextureLayout",
    "TextureMap",
    "clip_near",
    "complete_texture",
    "composite",
    "draw_landmarks",
    "draw_mesh",
    "draw_pose_axes",
    "project",
    "unwrap_photo",
    "vertex_visibility",
]
