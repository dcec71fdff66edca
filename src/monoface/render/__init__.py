"""Pictures of meshes: cameras, rasteriser and shading put together, and the way back into texture space."""

from monoface.render.clipping import NearClip, clip_near
from monoface.render.renderer import RenderedFace, Renderer, composite, project
from monoface.render.visibility import vertex_visibility

__all__ = [
    "NearClip",
    "RenderedFace",
    "Renderer",
    "clip_near",
    "composite",
    "project",
    "vertex_visibility",
]
