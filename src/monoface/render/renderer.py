"""From a mesh, a camera and light to a picture."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera
from monoface.geometry.triangles import normalize_or_zero, vertex_normals
from monoface.raster import Fragments, antialias, interpolate, rasterize, texture, uv_derivatives
from monoface.raster.rasterize import Cull
from monoface.render.clipping import NearClip, clip_near
from monoface.render.projection import project as project
from monoface.render.shaded import shade_pixels
from monoface.shading import linear_to_srgb, shade, srgb_to_linear

Camera = WeakPerspectiveCamera | PerspectiveCamera


@dataclass(frozen=True)
class RenderedFace:
    """A picture of a mesh, and what lies behind each of its pixels.

    Attributes:
        radiance: Light towards the camera, linear RGB, not clamped; 0 where there is no surface. Where
            silhouettes are smoothed it is already lessened by what they leave open.
        opacity: Share of each pixel that surfaces cover: 0 or 1, or between if silhouettes are smoothed,
            and then with a gradient with respect to the vertices.
        surface: What the pixels show, from which everything else is found when it is asked for.
    """

    radiance: Float[Tensor, "batch 3 height width"]
    opacity: Float[Tensor, "batch height width"]
    surface: "VisibleSurface"

    @property
    def mask(self) -> Bool[Tensor, "batch height width"]:
        """Where a surface is seen at the pixel's centre."""
        return self.surface.fragments.mask

    @property
    def depth(self) -> Float[Tensor, "batch height width"]:
        """Distance in millimetres along the viewing axis; 0 where there is no surface."""
        return self.surface.fragments.depth

    @property
    def normals(self) -> Float[Tensor, "batch height width 3"]:
        """Unit normals in the camera frame; 0 where there is no surface."""
        return self.surface.normals

    @property
    def face_index(self) -> Int[Tensor, "batch height width"]:
        """Row of the mesh's faces; -1 where there is no surface."""
        return self.surface.face_index

    @cached_property
    def image(self) -> Float[Tensor, "batch 3 height width"]:
        """The picture in sRGB, not clamped, so that gradients survive; black where there is no surface."""
        return linear_to_srgb(self.radiance)

    def interpolate(
        self, attributes: Float[Tensor, "#batch verts channels"]
    ) -> Float[Tensor, "batch height width channels"]:
        """Anything per vertex as a picture, such as UV or `normalized_coordinates`; 0 without a surface."""
        return self.surface.interpolate(attributes)

    def over(self, photo: Float[Tensor, "#batch 3 height width"]) -> Float[Tensor, "batch 3 height width"]:
        """The picture before a photo, both in sRGB; mixed as light is, where silhouettes are smoothed."""
        behind = (1 - self.opacity)[:, None] * srgb_to_linear(photo)
        return torch.where((self.opacity == 0)[:, None], photo, linear_to_srgb(self.radiance + behind))


@dataclass(frozen=True)
class VisibleSurface:
    """Which part of a mesh each pixel shows.

    Attributes:
        fragments: What was rasterised.
        faces: Triangles that were rasterised: those of the mesh, or of what clipping left of it.
        clip: How the mesh was clipped at the near plane, if at all.
        verts_px: Vertices that were rasterised.
        vertex_normals: Unit normals in the camera frame, of the vertices before clipping.
    """

    fragments: Fragments
    faces: Int[Tensor, "faces 3"]
    clip: NearClip | None
    verts_px: Float[Tensor, "batch clipped 3"]
    vertex_normals: Float[Tensor, "batch verts 3"]

    @cached_property
    def normals(self) -> Float[Tensor, "batch height width 3"]:
        """Unit normals in the camera frame at pixels; 0 where there is no surface."""
        return normalize_or_zero(self.interpolate(self.vertex_normals))

    @property
    def face_index(self) -> Int[Tensor, "batch height width"]:
        """Row of the faces of the mesh before clipping; -1 where there is no surface."""
        seen = self.fragments.face_index
        if self.clip is None:
            return seen
        return torch.where(seen >= 0, self.clip.source_face[seen.clamp_min(0)], seen)

    def interpolate(
        self, attributes: Float[Tensor, "#batch verts channels"]
    ) -> Float[Tensor, "batch height width channels"]:
        """Attributes of the vertices before clipping, at pixels; 0 where there is no surface."""
        return interpolate(self._clipped(attributes), self.faces, self.fragments)

    def shade(
        self, albedo: Float[Tensor, "#batch verts 3"], light: Float[Tensor, "batch coeffs 3"]
    ) -> Float[Tensor, "batch height width 3"]:
        """Light that leaves pixels, from albedo at the vertices before clipping; 0 without a surface."""
        # One by one: slices of joined attributes would cost more, above all backward.
        normals, colours = self._clipped(self.vertex_normals), self._clipped(albedo)
        batched = colours.expand(len(normals), -1, -1)
        return shade_pixels(normals, batched, light, self.faces, self.fragments)

    def antialias(
        self, image: Float[Tensor, "batch height width channels"], weld: Int[Tensor, " verts"] | None
    ) -> Float[Tensor, "batch height width channels"]:
        """Smooths the silhouettes of an image; welded vertices make no silhouette along their seam."""
        faces = self.faces
        if weld is not None:
            new = torch.arange(len(weld), self.verts_px.shape[1], device=weld.device)
            faces = torch.cat((weld, new))[faces]
        return antialias(image, self.verts_px, faces, self.fragments)

    def _clipped(self, attributes: Tensor) -> Tensor:
        """Attributes of the vertices that were rasterised."""
        if self.clip is None:
            return attributes
        return self.clip.extend(attributes.expand(len(self.verts_px), -1, -1))


@dataclass(frozen=True)
class Renderer:
    """Draws meshes of one topology with albedo, per vertex or from a texture, under distant light.

    Attributes:
        faces: Vertex indices; front faces are counter-clockwise seen from outside.
        size: Height and width of the pictures.
        weld: See `geometry.triangles.vertex_normals`.
        shading: "pixel" computes light at pixels, from interpolated normals; "vertex" computes it at
            vertices and interpolates the colour, which is faster and nearly the same on a fine mesh.
        cull: Whether triangles seen from behind are dropped.
        uv: Texture coordinates of the vertices, for albedo from a texture.
        antialias: Whether to smooth silhouettes (`raster.antialias`), which also gives them a gradient.
    """

    faces: Int[Tensor, "faces 3"]
    size: tuple[int, int]
    weld: Int[Tensor, " verts"] | None = None
    shading: Literal["pixel", "vertex"] = "pixel"
    cull: Cull = "back"
    uv: Float[Tensor, "verts 2"] | None = None
    antialias: bool = False

    def render(
        self,
        camera: Camera,
        verts_camera: Float[Tensor, "batch verts 3"],
        albedo: Float[Tensor, "#batch verts 3"] | Float[Tensor, "#batch 3 rows columns"],
        light: Float[Tensor, "#batch coeffs 3"] | None = None,
    ) -> RenderedFace:
        """Draws each mesh of a batch.

        Differentiable with respect to everything but, unless silhouettes are smoothed, the visibility.

        Args:
            camera: Camera of the pictures.
            verts_camera: Vertices in the camera frame, millimetres.
            albedo: Linear RGB at vertices, or a texture of it.
            light: Spherical harmonics of the incoming radiance, linear RGB, in the camera frame, as
                `shading.sh_irradiance` takes them; none draws the albedo itself.

        Raises:
            ValueError: If the albedo is a texture, and the renderer has no `uv`.
        """
        if light is not None:
            light = light.expand(len(verts_camera), -1, -1)
        surface = self._rasterize(camera, verts_camera)
        if light is None or self.shading == "vertex":
            colour = self._colours(surface, albedo, light)
        elif albedo.ndim == 3:
            colour = surface.shade(albedo, light)
        else:
            colour = self._sample(albedo, surface)
            lit = shade(colour.flatten(1, 2), surface.normals.flatten(1, 2), light)
            colour = lit.reshape(colour.shape)
        opacity = surface.fragments.mask.to(colour.dtype)
        if self.antialias:
            both = surface.antialias(torch.cat((colour, opacity[..., None]), dim=-1), self.weld)
            colour, opacity = both[..., :3], both[..., 3]
        return RenderedFace(colour.movedim(-1, 1), opacity, surface)

    def _colours(self, surface: VisibleSurface, albedo: Tensor, light: Tensor | None) -> Tensor:
        """Colours at pixels, of lit vertices if there is a light."""
        normals = surface.vertex_normals
        if albedo.ndim == 3:
            albedo = albedo.expand(len(normals), -1, -1)
            return surface.interpolate(albedo if light is None else shade(albedo, normals, light))
        sampled = self._sample(albedo, surface)
        if light is None:
            return sampled
        return sampled * surface.interpolate(shade(torch.ones_like(normals), normals, light))

    def _sample(self, image: Tensor, surface: VisibleSurface) -> Tensor:
        """Colours of a texture at pixels; 0 where there is no surface."""
        if self.uv is None:
            raise ValueError("albedo: a texture needs the renderer's `uv`, which is not given")
        uv = surface.interpolate(self.uv[None])
        colours = texture(image, uv, uv_derivatives(uv, surface.fragments))
        return torch.where(surface.fragments.mask[..., None], colours, colours.new_zeros(()))

    def _rasterize(self, camera: Camera, verts_camera: Tensor) -> VisibleSurface:
        perspective = isinstance(camera, PerspectiveCamera)
        clip = clip_near(verts_camera, self.faces) if perspective else None
        faces = self.faces if clip is None else clip.faces
        verts_px = project(camera, verts_camera if clip is None else clip.extend(verts_camera))
        fragments = rasterize(verts_px, faces, self.size, perspective=perspective, cull=self.cull)
        normals = vertex_normals(verts_camera, self.faces, self.weld)
        return VisibleSurface(fragments, faces, clip, verts_px, normals)


def normalized_coordinates(mean_verts_mm: Float[Tensor, "verts 3"]) -> Float[Tensor, "verts 3"]:
    """Colours that name the vertices: each coordinate of the mean face between its least and largest, 0 to 1.

    `RenderedFace.interpolate` draws them as a projected normalised coordinate code (PNCC).

    Reference:
        Zhu et al., "Face Alignment Across Large Poses: A 3D Solution", CVPR 2016, equation 6.
    """
    low, high = mean_verts_mm.aminmax(dim=0)
    return (mean_verts_mm - low) / (high - low).clamp_min(1e-12)


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
