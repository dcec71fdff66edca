"""How different colours look, and how light skin is: CIELAB of linear RGB."""

import numpy as np
from jaxtyping import Float, Float64

# Linear sRGB to CIE XYZ (IEC 61966-2-1); white, (1, 1, 1), becomes D65.
_TO_XYZ = np.array(
    ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)), dtype=np.float64
)
_STRAIGHT_BELOW = (6 / 29) ** 3


def linear_to_lab(linear: Float[np.ndarray, "*points 3"]) -> Float64[np.ndarray, "*points 3"]:
    """CIELAB under D65 of linear RGB, as which albedo is taken: white is (100, 0, 0)."""
    relative = linear.astype(np.float64) @ _TO_XYZ.T / _TO_XYZ.sum(axis=1)
    root = np.cbrt(relative)
    curve = np.where(relative > _STRAIGHT_BELOW, root, relative / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(curve, -1, 0)
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)


def delta_e(
    first: Float[np.ndarray, "*points 3"], second: Float[np.ndarray, "*points 3"]
) -> Float64[np.ndarray, "*points"]:
    """Distance in CIELAB (CIE 1976) of colours in linear RGB; about 2.3 is just noticeable."""
    return np.asarray(np.linalg.norm(linear_to_lab(first) - linear_to_lab(second), axis=-1))


def typology_angle_deg(skin: Float[np.ndarray, "*people 3"]) -> Float64[np.ndarray, "*people"]:
    """Individual typology angle of skin's albedo in linear RGB: the larger, the lighter.

    Reference:
        Chardon et al., "Skin colour typology and suntanning pathways", 1991.
    """
    lightness, _, yellow = np.moveaxis(linear_to_lab(skin), -1, 0)
    return np.asarray(np.rad2deg(np.arctan2(lightness - 50, yellow)))
