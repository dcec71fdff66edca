"""Textures without the light of their photo, for viewers that light the face themselves."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from monoface.displacement.displacer import Displacer
from monoface.displacement.evidence import irradiance
from monoface.render import TextureLayout
from monoface.render.texture_surface import TextureSurface
from monoface.shading import linear_to_srgb, srgb_to_linear
from monoface.texturing.appearance import Appearance
from monoface.texturing.texturer import PlacedMesh

# Albedo is not brighter than snow; what is, is a highlight.
_BRIGHTEST = 0.95
_LEAST_LIGHT = 1e-6


@torch.no_grad()
def without_light(
    texture: UInt8[np.ndarray, "size size 3"],
    mesh: PlacedMesh,
    appearance: Appearance,
    layout: TextureLayout,
    on_relief: Float[Tensor, "3 texels texels"] | None = None,
) -> UInt8[np.ndarray, "size size 3"]:
    """Albedo in sRGB: a texture over the light that falls on the face.

    What the light of the fit does not explain stays: highlights, cast shadows.

    Args:
        texture: As the photo shows it, sRGB.
        mesh: The face in its photo.
        appearance: Light on it.
        layout: Of the texture.
        on_relief: See `light_on_relief`; without it, the coarse face is smooth.
    """
    light = layout.from_vertices(appearance.irradiance(mesh.normals))
    if on_relief is not None:
        size = texture.shape[:2]
        larger = torch.nn.functional.interpolate(
            on_relief[None], size=size, mode="bilinear", align_corners=False
        )
        light = light * larger[0].movedim(0, -1)
    linear = srgb_to_linear(torch.arange(256) / 255)[torch.from_numpy(texture).int()]
    albedo = linear_to_srgb((linear / light.clamp_min(_LEAST_LIGHT)).clamp_max(_BRIGHTEST))
    coded: UInt8[np.ndarray, "size size 3"] = albedo.mul_(255).round_().byte().numpy()
    layout.pad(coded)
    return coded


@torch.no_grad()
def light_on_relief(
    mesh: PlacedMesh,
    appearance: Appearance,
    height_mm: Float[np.ndarray, "texels texels"],
    displacer: Displacer,
) -> Float[Tensor, "3 texels texels"]:
    """Irradiance on a displaced face over that on the coarse one, linear RGB; 1 between the charts.

    Args:
        mesh: The face in its photo.
        appearance: Light on it.
        height_mm: Its relief.
        displacer: Knows the relief's layout.
    """
    model = mesh.model
    surface = TextureSurface.from_vertices(mesh.verts_camera[None], displacer.layout, model.uv, model.weld)
    fine = displacer.normals(torch.from_numpy(height_mm)[None], surface)
    lit = [irradiance(normals, appearance.light[None]) for normals in (fine, surface.normals)]
    ratio = torch.where(surface.mask[..., None], lit[0] / lit[1].clamp_min(_LEAST_LIGHT), 1)
    return ratio[0].movedim(-1, 0)
