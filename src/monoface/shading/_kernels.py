"""Serial numba kernels over points, for `harmonics`, whose `sh_basis` is the basis here, and for `color`."""

import math

import numba

from monoface.core.kernels.compiled import Array, kernel

_DEGREE_0 = math.sqrt(1 / (4 * math.pi))
_DEGREE_1 = math.sqrt(3 / (4 * math.pi))
_DEGREE_2 = math.sqrt(15 / (4 * math.pi))
_DEGREE_2_ZONAL = math.sqrt(5 / (16 * math.pi))


@kernel
def shade(albedo: Array, normals: Array, response: Array, radiance: Array) -> None:
    """Light that leaves points; `response` (9, 3) is light times cosine lobe and 1 / pi."""
    real = albedo.dtype.type
    for p in range(len(albedo)):
        x, y, z = normals[p, 0], normals[p, 1], normals[p, 2]
        b1, b2, b3 = real(_DEGREE_1) * y, real(_DEGREE_1) * z, real(_DEGREE_1) * x
        b4, b5 = real(_DEGREE_2) * x * y, real(_DEGREE_2) * y * z
        b6 = real(_DEGREE_2_ZONAL) * (3 * z * z - 1)
        b7, b8 = real(_DEGREE_2) * x * z, real(0.5 * _DEGREE_2) * (x * x - y * y)
        for c in range(3):
            light = real(_DEGREE_0) * response[0, c] + b1 * response[1, c] + b2 * response[2, c]
            light += b3 * response[3, c] + b4 * response[4, c] + b5 * response[5, c]
            light += b6 * response[6, c] + b7 * response[7, c] + b8 * response[8, c]
            radiance[p, c] = albedo[p, c] * light


@kernel
def shade_backward(
    albedo: Array, normals: Array, response: Array, grad_radiance: Array, grad_albedo: Array,
    grad_normals: Array, grad_response: Array,
) -> None:  # fmt: skip
    """Gradients of `shade`: written for albedo and normals, added up for the response."""
    real = albedo.dtype.type
    for p in range(len(albedo)):
        x, y, z = normals[p, 0], normals[p, 1], normals[p, 2]
        b1, b2, b3 = real(_DEGREE_1) * y, real(_DEGREE_1) * z, real(_DEGREE_1) * x
        b4, b5 = real(_DEGREE_2) * x * y, real(_DEGREE_2) * y * z
        b6 = real(_DEGREE_2_ZONAL) * (3 * z * z - 1)
        b7, b8 = real(_DEGREE_2) * x * z, real(0.5 * _DEGREE_2) * (x * x - y * y)
        gx, gy, gz = real(0), real(0), real(0)
        for c in range(3):
            r1, r2, r3 = response[1, c], response[2, c], response[3, c]
            r4, r5, r6 = response[4, c], response[5, c], response[6, c]
            r7, r8 = response[7, c], response[8, c]
            light = real(_DEGREE_0) * response[0, c] + b1 * r1 + b2 * r2 + b3 * r3
            light += b4 * r4 + b5 * r5 + b6 * r6 + b7 * r7 + b8 * r8
            g = grad_radiance[p, c]
            grad_albedo[p, c] = g * light
            g *= albedo[p, c]
            gx += g * (real(_DEGREE_1) * r3 + real(_DEGREE_2) * (y * r4 + z * r7 + x * r8))
            gy += g * (real(_DEGREE_1) * r1 + real(_DEGREE_2) * (x * r4 + z * r5 - y * r8))
            gz += g * (real(_DEGREE_1) * r2 + real(_DEGREE_2) * (y * r5 + x * r7))
            gz += g * real(6 * _DEGREE_2_ZONAL) * z * r6
            # Double precision, since these are sums over all points.
            h = numba.float64(g)
            grad_response[0, c] += h * _DEGREE_0
            grad_response[1, c] += h * b1
            grad_response[2, c] += h * b2
            grad_response[3, c] += h * b3
            grad_response[4, c] += h * b4
            grad_response[5, c] += h * b5
            grad_response[6, c] += h * b6
            grad_response[7, c] += h * b7
            grad_response[8, c] += h * b8
        grad_normals[p, 0], grad_normals[p, 1], grad_normals[p, 2] = gx, gy, gz


@kernel
def srgb_of_powers(linear: Array, powers: Array, knee: float, image_srgb: Array) -> None:
    """Puts the sRGB curve together; `powers` are linear values, at least the knee, to the power 1 / 2.4."""
    real = linear.dtype.type
    for p in range(len(linear)):
        value = linear[p]
        bright = real(1.055) * powers[p] - real(0.055)
        image_srgb[p] = bright if value > real(knee) else real(12.92) * value


@kernel
def srgb_of_powers_backward(linear: Array, powers: Array, knee: float, grad: Array, result: Array) -> None:
    """Gradient with respect to linear values, of what `srgb_of_powers` makes of them and their powers."""
    real = linear.dtype.type
    for p in range(len(linear)):
        value = linear[p]
        bright = real(1.055 / 2.4) * powers[p] / max(value, real(knee))
        result[p] = grad[p] * (bright if value > real(knee) else real(12.92))
