"""Serial numba kernels over the pixels of one picture, for `shaded`.

Covered pixels are collected into blocks: what gathers from vertices and scatters to them is done one by
one, the arithmetic between on whole blocks, without a branch, so that it runs on vector registers.
"""

from typing import Any

import numba
import numpy as np

from monoface.core.kernels.compiled import Array, kernel, subroutine

_ONE, _TWO, _THREE, _SIX = np.float32(1.0), np.float32(2.0), np.float32(3.0), np.float32(6.0)
"""Single, so that they widen nothing: a product with Python's numbers would be computed in double."""

_LANES = 128
"""Pixels of a block; a few kilobytes, which stay in the first cache.

Blocks are flat, row after row: from steps that it knows, the compiler sees that rows do not overlap.
"""


@kernel
def shade_pixels(
    normals: Array, albedo: Array, response: Array, faces: Array, face_index: Array, barycentric: Array,
    first: int, end: int, radiance: Array,
) -> None:  # fmt: skip
    """Light that leaves the pixels from `first` to before `end`; `response` is `harmonics.matt_response`."""
    block = np.zeros(6 * _LANES, normals.dtype)
    places = np.zeros(_LANES, np.uint32)
    count = 0
    for p in range(numba.uint32(first), numba.uint32(end)):
        f = face_index[p]
        if f < 0:
            radiance[0, p] = radiance[1, p] = radiance[2, p] = 0
            continue
        places[count] = p
        _gather(normals, albedo, faces, f, barycentric, p, block, count)
        count += 1
        if count == _LANES:
            _shade_block(block, response)
            _write(block, places, count, radiance)
            count = 0
    _shade_block(block, response)
    _write(block, places, count, radiance)


@subroutine
def _corners(faces: Array, f: Any) -> tuple[Any, Any, Any]:
    """Vertices of a triangle, without a sign: so numba need not ask whether one counts from the end."""
    return numba.uint32(faces[f, 0]), numba.uint32(faces[f, 1]), numba.uint32(faces[f, 2])


@subroutine
def _gather(
    normals: Array, albedo: Array, faces: Array, f: Any, barycentric: Array, p: Any, block: Array, lane: int
) -> None:
    """Blends normal and albedo of a pixel into the first six rows of a block."""
    v0, v1, v2 = _corners(faces, f)
    b0, b1, b2 = barycentric[p, 0], barycentric[p, 1], barycentric[p, 2]
    for c in range(3):
        block[c * _LANES + lane] = b0 * normals[v0, c] + b1 * normals[v1, c] + b2 * normals[v2, c]
        block[(3 + c) * _LANES + lane] = b0 * albedo[v0, c] + b1 * albedo[v1, c] + b2 * albedo[v2, c]


@subroutine
def _unit(x: Any, y: Any, z: Any) -> tuple[Any, Any, Any, Any]:
    """A vector at unit length, and what it was multiplied by; the zero vector stays zero, times zero."""
    real = type(x)
    squared = x * x + y * y + z * z
    positive = squared > 0
    inverse = (real(1) if positive else real(0)) / np.sqrt(squared if positive else real(1))
    return x * inverse, y * inverse, z * inverse, inverse


@subroutine
def _shade_block(block: Array, response: Array) -> None:
    """Turns albedo into radiance, in place."""
    for lane in range(_LANES):
        x, y, z, _ = _unit(block[lane], block[_LANES + lane], block[2 * _LANES + lane])
        xy, yz, xz, zonal, sectoral = x * y, y * z, x * z, _THREE * z * z - _ONE, x * x - y * y
        for c in range(3):
            light = response[0, c] + y * response[1, c] + z * response[2, c] + x * response[3, c]
            light += xy * response[4, c] + yz * response[5, c] + zonal * response[6, c]
            block[(3 + c) * _LANES + lane] *= light + xz * response[7, c] + sectoral * response[8, c]


@subroutine
def _write(block: Array, places: Array, count: int, radiance: Array) -> None:
    """Copies radiance from a block to its pixels."""
    for lane in range(count):
        p = places[lane]
        for c in range(3):
            radiance[c, p] = block[(3 + c) * _LANES + lane]


@kernel
def shade_pixels_backward(
    normals: Array, albedo: Array, response: Array, faces: Array, face_index: Array, barycentric: Array,
    grad_radiance: Array, grad_normals: Array, grad_albedo: Array, grad_response: Array,
    grad_barycentric: Array, wants_albedo: bool, wants_response: bool,
) -> None:  # fmt: skip
    """Gradients of `shade_pixels`: written for the barycentrics, added up for everything else."""
    block = np.zeros(9 * _LANES, normals.dtype)
    sums = np.zeros(27 * _LANES, normals.dtype)
    places = np.zeros(_LANES, np.uint32)
    count = 0
    for p in range(numba.uint32(len(face_index))):
        f = face_index[p]
        if f < 0:
            grad_barycentric[p, 0] = grad_barycentric[p, 1] = grad_barycentric[p, 2] = 0
            continue
        places[count] = p
        _gather(normals, albedo, faces, f, barycentric, p, block, count)
        for c in range(3):
            block[(6 + c) * _LANES + count] = grad_radiance[c, p]
        count += 1
        if count == _LANES:
            if wants_response:
                _sum_response(block, sums)
            _turn_back(block, response)
            _scatter(
                block, places, count, normals, albedo, faces, face_index, barycentric,
                grad_normals, grad_albedo, grad_barycentric, wants_albedo,
            )  # fmt: skip
            count = 0
    # Lanes that the last block leaves open hold what an earlier one left there: they must add nothing.
    for lane in range(count, _LANES):
        for c in range(3):
            block[(6 + c) * _LANES + lane] = 0
    if wants_response:
        _sum_response(block, sums)
    _turn_back(block, response)
    _scatter(
        block, places, count, normals, albedo, faces, face_index, barycentric,
        grad_normals, grad_albedo, grad_barycentric, wants_albedo,
    )  # fmt: skip
    for k in range(9):
        for c in range(3):
            # Double precision, since this is a sum over all pixels.
            for lane in range(_LANES):
                grad_response[k, c] += numba.float64(sums[(3 * k + c) * _LANES + lane])


@subroutine
def _turn_back(block: Array, response: Array) -> None:
    """Turns normals and albedo into their gradients, in place; rows 6 to 8 are the radiance's gradient."""
    for lane in range(_LANES):
        x, y, z, inverse = _unit(block[lane], block[_LANES + lane], block[2 * _LANES + lane])
        xy, yz, xz, zonal, sectoral = x * y, y * z, x * z, _THREE * z * z - _ONE, x * x - y * y
        gx = gy = gz = x - x
        for c in range(3):
            r4, r5, r6, r7, r8 = (
                response[4, c],
                response[5, c],
                response[6, c],
                response[7, c],
                response[8, c],
            )
            light = response[0, c] + y * response[1, c] + z * response[2, c] + x * response[3, c]
            light += xy * r4 + yz * r5 + zonal * r6 + xz * r7 + sectoral * r8
            h = block[(6 + c) * _LANES + lane] * block[(3 + c) * _LANES + lane]
            block[(3 + c) * _LANES + lane] = block[(6 + c) * _LANES + lane] * light
            gx += h * (response[3, c] + y * r4 + z * r7 + _TWO * x * r8)
            gy += h * (response[1, c] + x * r4 + z * r5 - _TWO * y * r8)
            gz += h * (response[2, c] + y * r5 + x * r7 + _SIX * z * r6)
        along = x * gx + y * gy + z * gz
        block[lane] = inverse * (gx - x * along)
        block[_LANES + lane] = inverse * (gy - y * along)
        block[2 * _LANES + lane] = inverse * (gz - z * along)


@subroutine
def _sum_response(block: Array, sums: Array) -> None:
    """Adds up the gradient of the response, in each lane by itself, for `_turn_back` to come after."""
    for lane in range(_LANES):
        x, y, z, _ = _unit(block[lane], block[_LANES + lane], block[2 * _LANES + lane])
        xy, yz, xz, zonal, sectoral = x * y, y * z, x * z, _THREE * z * z - _ONE, x * x - y * y
        for c in range(3):
            h = block[(6 + c) * _LANES + lane] * block[(3 + c) * _LANES + lane]
            sums[c * _LANES + lane] += h
            sums[(3 + c) * _LANES + lane] += h * y
            sums[(6 + c) * _LANES + lane] += h * z
            sums[(9 + c) * _LANES + lane] += h * x
            sums[(12 + c) * _LANES + lane] += h * xy
            sums[(15 + c) * _LANES + lane] += h * yz
            sums[(18 + c) * _LANES + lane] += h * zonal
            sums[(21 + c) * _LANES + lane] += h * xz
            sums[(24 + c) * _LANES + lane] += h * sectoral


@subroutine
def _scatter(
    block: Array, places: Array, count: int, normals: Array, albedo: Array, faces: Array, face_index: Array,
    barycentric: Array, grad_normals: Array, grad_albedo: Array, grad_barycentric: Array, wants_albedo: bool,
) -> None:  # fmt: skip
    """Carries gradients of a block's normals and albedo back to vertices and barycentrics."""
    for lane in range(count):
        p = places[lane]
        v0, v1, v2 = _corners(faces, face_index[p])
        b0, b1, b2 = barycentric[p, 0], barycentric[p, 1], barycentric[p, 2]
        n0, n1, n2 = block[lane], block[_LANES + lane], block[2 * _LANES + lane]
        a0, a1, a2 = block[3 * _LANES + lane], block[4 * _LANES + lane], block[5 * _LANES + lane]
        g0 = n0 * normals[v0, 0] + n1 * normals[v0, 1] + n2 * normals[v0, 2]
        g1 = n0 * normals[v1, 0] + n1 * normals[v1, 1] + n2 * normals[v1, 2]
        g2 = n0 * normals[v2, 0] + n1 * normals[v2, 1] + n2 * normals[v2, 2]
        g0 += a0 * albedo[v0, 0] + a1 * albedo[v0, 1] + a2 * albedo[v0, 2]
        g1 += a0 * albedo[v1, 0] + a1 * albedo[v1, 1] + a2 * albedo[v1, 2]
        g2 += a0 * albedo[v2, 0] + a1 * albedo[v2, 1] + a2 * albedo[v2, 2]
        grad_barycentric[p, 0], grad_barycentric[p, 1], grad_barycentric[p, 2] = g0, g1, g2
        _add(grad_normals, v0, b0 * n0, b0 * n1, b0 * n2)
        _add(grad_normals, v1, b1 * n0, b1 * n1, b1 * n2)
        _add(grad_normals, v2, b2 * n0, b2 * n1, b2 * n2)
        if wants_albedo:
            _add(grad_albedo, v0, b0 * a0, b0 * a1, b0 * a2)
            _add(grad_albedo, v1, b1 * a0, b1 * a1, b1 * a2)
            _add(grad_albedo, v2, b2 * a0, b2 * a1, b2 * a2)


@subroutine
def _add(sums: Array, v: Any, x: Any, y: Any, z: Any) -> None:
    """Adds a vector to a row."""
    sums[v, 0] += x
    sums[v, 1] += y
    sums[v, 2] += z
