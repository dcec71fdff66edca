"""Light on surfaces: spherical harmonics, matt shading and the conversion to and from sRGB."""

from monoface.shading.color import linear_to_srgb, srgb_to_linear
from monoface.shading.harmonics import (
    ambient_light,
    rotate_radiance,
    sh_basis,
    sh_irradiance,
    shade,
)

__all__ = [
    "ambient_light",
    "linear_to_srgb",
    "rotate_radiance",
    "sh_basis",
    "sh_irradiance",
    "shade",
    "srgb_to_linear",
]
