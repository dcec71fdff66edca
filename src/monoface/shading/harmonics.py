"""Distant light in spherical harmonics up to degree 2."""

import math

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import Array, constant, filled, namespace, normalized

# Convolution with the clamped cosine scales each SH degree: pi, 2 pi / 3, pi / 4.
_COSINE_LOBE = (math.pi, *3 * (2 * math.pi / 3,), *5 * (math.pi / 4,))

_DEGREE_0 = math.sqrt(1 / (4 * math.pi))
_DEGREE_1 = math.sqrt(3 / (4 * math.pi))
_DEGREE_2 = math.sqrt(15 / (4 * math.pi))
_DEGREE_2_ZONAL = math.sqrt(5 / (16 * math.pi))

_BASIS_SCALE = (
    _DEGREE_0, *3 * (_DEGREE_1,), *2 * (_DEGREE_2,), _DEGREE_2_ZONAL, _DEGREE_2, 0.5 * _DEGREE_2,
)  # fmt: skip
"""What `sh_basis` multiplies its polynomials by."""

# The corners of a cube, the middles of its faces and some of its edges: nine harmonics differ on them.
_PROBES = (
    (1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1), (-1, 1, 1), (-1, 1, -1), (-1, -1, 1), (-1, -1, -1),
    (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1), (1, 1, 0), (0, 1, 1),
)  # fmt: skip


def sh_basis(directions: Float[Array, "*batch points 3"]) -> Float[Array, "*batch points 9"]:
    """Real, orthonormal spherical harmonics up to degree 2 of unit directions.

    Ordered by degree, then by order from -l to l: 1; y, z, x; xy, yz, 3 z^2 - 1, xz, x^2 - y^2. All
    signs are positive (no Condon-Shortley phase).
    """
    xp = namespace(directions)
    x, y, z = (directions[..., axis] for axis in range(3))
    terms = (
        xp.full_like(x, _DEGREE_0),
        _DEGREE_1 * y,
        _DEGREE_1 * z,
        _DEGREE_1 * x,
        _DEGREE_2 * x * y,
        _DEGREE_2 * y * z,
        _DEGREE_2_ZONAL * (3 * z * z - 1),
        _DEGREE_2 * x * z,
        (0.5 * _DEGREE_2) * (x * x - y * y),
    )
    return xp.stack(terms, -1)


def sh_irradiance(
    normals: Float[Array, "*batch points 3"],
    radiance: Float[Array, "*batch coeffs 3"],
) -> Float[Array, "*batch points 3"]:
    """Light that falls on surface points, from distant lighting given in spherical harmonics.

    Args:
        normals: Unit normals, in the frame of the lighting.
        radiance: SH coefficients of incoming radiance, linear RGB, rows ordered as in `sh_basis`.
            1, 4 or 9 rows: degree 0, up to 1, or up to 2.

    Returns:
        Irradiance in linear RGB; times albedo / pi it is the light leaving the surface. It may be
        slightly negative where degree 2 rings. We do not clamp, so that the gradient survives.

    Raises:
        ValueError: If the number of coefficients is not 1, 4 or 9.

    Reference:
        Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps",
        SIGGRAPH 2001. They write it as a 4 x 4 form of the normal; we keep the basis explicit.
    """
    count = radiance.shape[-2]
    if count not in (1, 4, 9):
        raise ValueError(f"radiance: expected 1, 4 or 9 SH coefficients, got {count}")

    lobe = constant(_COSINE_LOBE[:count], radiance)
    return sh_basis(normals)[..., :count] @ (lobe[:, None] * radiance)


def ambient_light(irradiance: Float[Array, "*batch 3"], coeffs: int = 9) -> Float[Array, "*batch coeffs 3"]:
    """Lighting from everywhere alike that gives every surface point the same irradiance, linear RGB."""
    light = filled((*irradiance.shape[:-1], coeffs, 3), 0.0, irradiance)
    light[..., 0, :] = irradiance / (math.pi * _DEGREE_0)
    return light


def rotate_radiance(
    radiance: Float[Array, "*batch 9 3"], rotation: Float[Array, "*batch 3 3"]
) -> Float[Array, "*batch 9 3"]:
    """Lighting of a frame whose directions are those of the old one under x -> R x.

    Light that came from a direction d comes from R d afterwards. Exact: rotations keep each degree.
    """
    directions = normalized(constant(_PROBES, radiance))
    values = sh_basis(directions @ rotation) @ radiance
    return namespace(radiance).linalg.pinv(sh_basis(directions)) @ values


def shade(
    albedo: Float[Array, "*batch points 3"],
    normals: Float[Array, "*batch points 3"],
    light: Float[Array, "*batch coeffs 3"],
) -> Float[Array, "*batch points 3"]:
    """Light that leaves matt surface points: albedo times irradiance / pi, in linear RGB, not clamped.

    Args:
        albedo: Linear RGB, 0 to 1.
        normals: Unit normals, in the frame of the lighting.
        light: SH coefficients of incoming radiance, as `sh_irradiance` takes them.
    """
    if isinstance(albedo, np.ndarray):
        return shade_reference(albedo, normals, light)
    torch = namespace(albedo)
    fusable = albedo.dtype == normals.dtype == light.dtype and albedo.dtype in (torch.float32, torch.float64)
    if albedo.device.type != "cpu" or not fusable or light.shape[-2] not in (1, 4, 9):
        return shade_reference(albedo, normals, light)
    # Imported late, because numba takes half a second.
    from monoface.shading._numba import FusedShade

    count = light.shape[-2]
    response = light.new_tensor(_COSINE_LOBE[:count])[:, None] / math.pi * light
    response = torch.nn.functional.pad(response, (0, 0, 0, 9 - count))
    points = albedo.shape[-2]
    batched = albedo.reshape(-1, points, 3), normals.reshape(-1, points, 3), response.reshape(-1, 9, 3)
    return FusedShade.apply(*batched).reshape(albedo.shape)


def matt_response(light: Float[Array, "*batch coeffs 3"]) -> Float[Array, "*batch 9 3"]:
    """What a white matt surface sends out, as a polynomial of its unit normal x, y, z.

    Args:
        light: 1, 4 or 9 SH coefficients of incoming radiance, as `sh_irradiance` takes them.

    Returns:
        Coefficients of 1; y, z, x; xy, yz, 3 z^2 - 1, xz, x^2 - y^2.
    """
    count = light.shape[-2]
    factors = [lobe / math.pi * scale for lobe, scale in zip(_COSINE_LOBE, _BASIS_SCALE, strict=True)]
    response = constant(factors[:count], light)[:, None] * light
    rest = filled((*light.shape[:-2], 9 - count, 3), 0.0, light)
    return namespace(light).concat((response, rest), -2)


def shade_reference(
    albedo: Float[Array, "*batch points 3"],
    normals: Float[Array, "*batch points 3"],
    light: Float[Array, "*batch coeffs 3"],
) -> Float[Array, "*batch points 3"]:
    """The definition of `shade` in plain operations, for any device, for numpy and for tests."""
    return albedo * sh_irradiance(normals, light) / math.pi
