"""From a mesh, a camera and light to a picture."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera
from monoface.geometry.triangles import normalize_or_zero, vertex_normals
from monoface.raster import Fragments, interpolate, rasterize
from monoface.raster.rasterize import Cull
from monoface.render.clipping import NearClip, clip_near
from monoface.shading import linear_to_srgb, shade

Camera = WeakPerspectiveCamera | PerspectiveCamera


@dataclass(frozen=True)
class RenderedFace:
    """A picture of a mesh, and what lies behind each of its pixels.

    Attributes:
        radiance: Light towards the camera, linear RGB, not clamped; 0 where there is no surface.
        mask: Where there is a surface.
        depth: Distance in millimetres along the viewing axis; 0 where there is no surface.
        normals: Unit normals in the camera frame; 0 where there is no surface.
        face_index: Row of the mesh's faces; -1 where there is no surface.
    """

    radiance: Float[Tensor, "batch 3 height width"]
    mask: Bool[Tensor, "batch height width"]
    depth: Float[Tensor, "batch height width"]
    normals: Float[Tensor, "batch height width 3"]
    face_index: Int[Tensor, "batch height width"]

    @cached_property
    def image(self) -> Float[Tensor, "batch 3 height width"]:
        """The picture in sRGB, not clamped, so that gradients survive; black where there is no surface."""
        return linear_to_srgb(self.radiance)


@dataclass(frozen=True)
class Renderer:
    """Draws meshes of one topology with per-vertex albedo under distant light.

    Attributes:
        faces: Vertex indices; front faces are counter-clockwise seen from outside.
        size: Height and width of the pictures.
        weld: See `geometry.triangles.vertex_normals`.
        shading: "pixel" computes light at pixels, from interpolated normals; "vertex" computes it at
            vertices and interpolates the colour, which is faster and nearly the same on a fine mesh.
        cull: Whether triangles seen from behind are dropped.
    """

    faces: Int[Tensor, "faces 3"]
    size: tuple[int, int]
    weld: Int[Tensor, " verts"] | None = None
    shading: Literal["pixel", "vertex"] = "pixel"
    cull: Cull = "back"

    def render(
        self,
        camera: Camera,
        verts_camera: Float[Tensor, "batch verts 3"],
        albedo: Float[Tensor, "#batch verts 3"],
        light: Float[Tensor, "#batch coeffs 3"] | None = None,
    ) -> RenderedFace:
        """Draws each mesh of a batch. Differentiable with respect to everything but the visibility.

        Args:
            camera: Camera of the pictures.
            verts_camera: Vertices in the camera frame, millimetres.
            albedo: Linear RGB at vertices.
            light: Spherical harmonics of the incoming radiance, linear RGB, in the camera frame, as
                `shading.sh_irradiance` takes them; none draws the albedo itself.
        """
        batch = len(verts_camera)
        normals = vertex_normals(verts_camera, self.faces, self.weld)
        colour = albedo.expand(batch, -1, -1)
        if light is not None and self.shading == "vertex":
            colour = shade(colour, normals, light.expand(batch, -1, -1))
        clip, fragments, source_face = self._rasterize(camera, verts_camera)
        # One by one: slices of joined attributes would cost more, above all backward.
        colour, normals = (
            interpolate(
                values if clip is None else clip.extend(values), clip.faces if clip else self.faces, fragments
            )
            for values in (colour, normals)
        )
        normals = normalize_or_zero(normals)
        if light is not None and self.shading == "pixel":
            lit = shade(colour.flatten(1, 2), normals.flatten(1, 2), light.expand(batch, -1, -1))
            colour = lit.reshape(colour.shape)
        return RenderedFace(colour.movedim(-1, 1), fragments.mask, fragments.depth, normals, source_face)

    def _rasterize(self, camera: Camera, verts_camera: Tensor) -> tuple[NearClip | None, Fragments, Tensor]:
        """How the mesh was clipped, if at all, its fragments, and their rows of the original faces."""
        if not isinstance(camera, PerspectiveCamera):
            fragments = rasterize(project(camera, verts_camera), self.faces, self.size, cull=self.cull)
            return None, fragments, fragments.face_index
        clip = clip_near(verts_camera, self.faces)
        verts_px = project(camera, clip.extend(verts_camera))
        fragments = rasterize(verts_px, clip.faces, self.size, perspective=True, cull=self.cull)
        shown = clip.source_face[fragments.face_index.clamp_min(0)]
        return clip, fragments, torch.where(fragments.mask, shown, fragments.face_index)


def project(camera: Camera, verts_camera: Float[Tensor, "batch verts 3"]) -> Float[Tensor, "batch verts 3"]:
    """Pixel coordinates and depth of vertices, side by side, as `raster.rasterize` takes them."""
    points_px, depth_mm = camera.project(verts_camera)
    return torch.cat((points_px, depth_mm[..., None]), dim=-1)


def composite(
    image: Float[Tensor, "batch channels height width"],
    background: Float[Tensor, "#batch channels height width"],
    mask: Bool[Tensor, "batch height width"] | Float[Tensor, "batch height width"],
) -> Float[Tensor, "batch channels height width"]:
    """Lays a picture over another one, both in one colour space.

    Args:
        image: The picture on top.
        background: What is seen where the mask is 0.
        mask: Opacity of the picture on top, 0 to 1 or boolean.
    """
    opacity = mask.to(image.dtype)[:, None]
    return opacity * image + (1 - opacity) * background
