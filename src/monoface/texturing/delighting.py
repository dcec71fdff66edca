"""Textures without the light of their photo, for viewers that light the face themselves."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

from monoface.core.arrays import in_torch
from monoface.geometry.resampling import resized
from monoface.render import TextureLayout
from monoface.shading import linear_to_srgb, srgb_to_linear
from monoface.texturing.appearance import Appearance
from monoface.texturing.texturer import PlacedMesh

if TYPE_CHECKING:
    from monoface.displacement.displacer import Displacer

# Albedo is not brighter than snow; what is, is a highlight.
_BRIGHTEST = 0.95
_LEAST_LIGHT = 1e-6


def without_light(
    texture: UInt8[np.ndarray, "size size 3"],
    mesh: PlacedMesh,
    appearance: Appearance,
    layout: TextureLayout,
    on_relief: Float[np.ndarray, "texels texels 3"] | None = None,
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
        light = light * resized(on_relief, texture.shape[:2], "bilinear")
    linear = srgb_to_linear(np.arange(256, dtype=np.float32) / 255)[texture]
    albedo = linear_to_srgb((linear / light.clip(_LEAST_LIGHT)).clip(None, _BRIGHTEST))
    coded: UInt8[np.ndarray, "size size 3"] = np.rint(255 * albedo).astype(np.uint8)
    layout.pad(coded)
    return coded


def light_on_relief(
    mesh: PlacedMesh,
    appearance: Appearance,
    height_mm: Float[np.ndarray, "texels texels"],
    displacer: "Displacer",
) -> Float[np.ndarray, "texels texels 3"]:
    """Irradiance on a displaced face over that on the coarse one, linear RGB; 1 between the charts.

    Args:
        mesh: The face in its photo.
        appearance: Light on it.
        height_mm: Its relief.
        displacer: Knows the relief's layout.
    """
    from monoface.displacement.evidence import irradiance
    from monoface.render.texture_surface import TextureSurface

    model, (verts, height, light) = (
        displacer.model,
        in_torch((mesh.verts_camera, height_mm, appearance.light)),
    )
    surface = TextureSurface.from_vertices(verts[None], displacer.layout, model.uv, model.weld)
    fine = displacer.normals(height[None], surface)
    lit = [irradiance(normals, light[None])[0].numpy() for normals in (fine, surface.normals)]
    return np.where(surface.mask.numpy()[..., None], lit[0] / lit[1].clip(_LEAST_LIGHT), np.float32(1))
