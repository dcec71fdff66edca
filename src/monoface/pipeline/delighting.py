"""Textures without the light of their photo, for viewers that light the face themselves."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from monoface.methods.detail import Displacer
from monoface.methods.detail.maps import irradiance
from monoface.pipeline.appearance import Appearance
from monoface.pipeline.texturing import PlacedMesh
from monoface.render import TextureLayout
from monoface.render.texture_surface import TextureSurface
from monoface.shading import linear_to_srgb, srgb_to_linear

# Albedo is not brighter than snow; what is, is a highlight.
_BRIGHTEST = 0.95


@torch.no_grad()
def without_light(
    texture: UInt8[np.ndarray, "size size 3"],
    mesh: PlacedMesh,
    appearance: Appearance,
    layout: TextureLayout,
) -> UInt8[np.ndarray, "size size 3"]:
    """Albedo in sRGB: a texture over the light that falls on the coarse face.

    What the light of the fit does not explain stays: highlights, cast shadows.

    Args:
        texture: As the photo shows it, sRGB.
        mesh: The face in its photo.
        appearance: Light on it.
        layout: Of the texture.
    """
    normals = torch.nn.functional.normalize(layout.from_vertices(mesh.normals), dim=-1)
    albedo = _over(texture, appearance.irradiance(normals.flatten(0, 1)).view_as(normals))
    layout.pad(albedo)
    return albedo


@torch.no_grad()
def without_light_on_relief(
    albedo: UInt8[np.ndarray, "size size 3"],
    mesh: PlacedMesh,
    appearance: Appearance,
    height_mm: Float[np.ndarray, "texels texels"],
    displacer: Displacer,
) -> UInt8[np.ndarray, "size size 3"]:
    """What `without_light` gives, without the shading of wrinkles, which a normal map shades again."""
    model = mesh.model
    surface = TextureSurface.from_vertices(mesh.verts_camera[None], displacer.layout, model.uv, model.weld)
    fine = displacer.normals(torch.from_numpy(height_mm)[None], surface)
    lit = [irradiance(normals, appearance.light[None]) for normals in (fine, surface.normals)]
    ratio = torch.where(surface.mask[..., None], lit[0] / lit[1].clamp_min(1e-6), 1).movedim(-1, 1)
    size = (len(albedo), len(albedo))
    larger = torch.nn.functional.interpolate(ratio, size=size, mode="bilinear", align_corners=False)
    return _over(albedo, larger[0].movedim(0, -1))


def _over(
    texture: UInt8[np.ndarray, "size size 3"], light: Float[Tensor, "size size 3"]
) -> UInt8[np.ndarray, "size size 3"]:
    linear = srgb_to_linear(torch.from_numpy(texture / np.float32(255)))
    albedo = (linear / light.clamp_min(1e-6)).clamp(0, _BRIGHTEST)
    coded: UInt8[np.ndarray, "size size 3"] = (255 * linear_to_srgb(albedo)).round().byte().numpy()
    return coded
