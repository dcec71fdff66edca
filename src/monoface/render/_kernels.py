"""Serial numba kernels over bands of rows of a texture. `unwrap` and `completion` say what they are for.

Neighbouring texels mostly lie on one triangle, so what depends on the triangle is looked up when it changes.
All arithmetic is in single precision: constants are, since numba would else compute in double.
"""

from typing import Any

import numba
import numpy as np

from monoface.core.kernels.compiled import Array, kernel, subroutine

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
_TWO, _THREE, _LARGEST_BYTE = np.float32(2.0), np.float32(3.0), np.float32(255.0)

_FACING_NONE, _FACING_FULL = np.float32(0.3), np.float32(0.7)
"""Cosines to the viewing direction below which a texel takes nothing from the photo, and all."""

_NEARLY_ONE = np.float32(254.0 / 255.0)

_BORDER_PX = np.float32(3.0)
"""Width of the strip along the photo's border in which the weight fades out."""

_FAR = 1 << 20
"""More texels than a texture is wide."""


@kernel
def sample_photo(
    photo: Array, occluders: Array, interior: Array, occluder_map: Array, attributes: Array, faces: Array,
    usable: Array, perspective: bool, face_index: Array, barycentric: Array, colour: Array, weight: Array,
) -> None:  # fmt: skip
    """Colour and weight of texels: where they lie in the photo, whether they face it, what is in front.

    `occluders` and `interior` are pictures of the mesh: the depth from which surfaces are hidden, and a
    factor that falls to 0 towards silhouettes.
    `attributes` are x, y, depth, facing cosine and trust of vertices; `occluder_map` is scale, x and y offset
    from photo to occluder pixels, the depth tolerance and what it grows by on a slope of one.
    `colour` and `weight` are zero at first.
    """
    height, width = photo.shape[0], photo.shape[1]
    scale, left, top = occluder_map[0], occluder_map[1], occluder_map[2]
    last, shown = numba.int32(-1), False
    v0 = v1 = v2 = numba.uint32(0)
    for row in range(face_index.shape[0]):
        for column in range(face_index.shape[1]):
            f = face_index[row, column]
            if f != last:
                last = f
                shown = f >= 0 and usable[f]
                if shown:
                    v0, v1, v2 = _corners(faces, f)
                    most = max(attributes[v0, 3], attributes[v1, 3], attributes[v2, 3])
                    shown = most > _FACING_NONE
            if not shown:
                continue
            b0, b1, b2 = barycentric[row, column, 0], barycentric[row, column, 1], barycentric[row, column, 2]
            facing = b0 * attributes[v0, 3] + b1 * attributes[v1, 3] + b2 * attributes[v2, 3]
            if facing <= _FACING_NONE:
                continue
            trust = b0 * attributes[v0, 4] + b1 * attributes[v1, 4] + b2 * attributes[v2, 4]
            z = b0 * attributes[v0, 2] + b1 * attributes[v1, 2] + b2 * attributes[v2, 2]
            if perspective:
                b0 *= attributes[v0, 2] / z
                b1 *= attributes[v1, 2] / z
                b2 *= attributes[v2, 2] / z
            x = b0 * attributes[v0, 0] + b1 * attributes[v1, 0] + b2 * attributes[v2, 0]
            y = b0 * attributes[v0, 1] + b1 * attributes[v1, 1] + b2 * attributes[v2, 1]
            border = min(min(x, np.float32(width) - x), min(y, np.float32(height) - y))
            if not border > _ZERO:
                continue
            t = min((facing - _FACING_NONE) / (_FACING_FULL - _FACING_NONE), _ONE)
            w = trust * min(border / _BORDER_PX, _ONE) * t * t * (_THREE - _TWO * t)
            slope = np.sqrt(max(_ONE - facing * facing, _ZERO)) / facing
            z -= occluder_map[3] + occluder_map[4] * slope
            w *= _unoccluded(occluders, interior, x * scale + left, y * scale + top, z)
            if not w > _ZERO:
                continue
            # What rounding leaves short of one would be blended with layers that nobody sees.
            weight[row, column] = w if w < _NEARLY_ONE else _ONE
            u, v, fu, fv = _corner_and_fraction(x, y, width, height)
            for c in range(3):
                upper = photo[v, u, c] + fu * (photo[v, u + 1, c] - photo[v, u, c])
                lower = photo[v + 1, u, c] + fu * (photo[v + 1, u + 1, c] - photo[v + 1, u, c])
                colour[row, column, c] = upper + fv * (lower - upper)


@subroutine
def _corners(faces: Array, f: Any) -> tuple[Any, Any, Any]:
    """Vertices of a triangle, without a sign: so numba need not ask whether one counts from the end."""
    return numba.uint32(faces[f, 0]), numba.uint32(faces[f, 1]), numba.uint32(faces[f, 2])


@subroutine
def _corner_and_fraction(x: Any, y: Any, width: int, height: int) -> tuple[Any, Any, Any, Any]:
    """Upper left of the four pixels around a point, and how far it lies towards the others."""
    x = min(max(x - _HALF, _ZERO), np.float32(width - 1))
    y = min(max(y - _HALF, _ZERO), np.float32(height - 1))
    u, v = min(numba.uint32(x), numba.uint32(width - 2)), min(numba.uint32(y), numba.uint32(height - 2))
    return u, v, x - np.float32(u), y - np.float32(v)


@subroutine
def _unoccluded(occluders: Array, interior: Array, x: Any, y: Any, z: Any) -> Any:
    """Sum over the four pixels around a point, bilinearly weighted, of how much they show of depth z."""
    u, v, fu, fv = _corner_and_fraction(x, y, occluders.shape[1], occluders.shape[0])
    # Values that are chosen, not branches, which could not be predicted.
    a = interior[v, u] if z <= occluders[v, u] else _ZERO
    b = interior[v, u + 1] if z <= occluders[v, u + 1] else _ZERO
    c = interior[v + 1, u] if z <= occluders[v + 1, u] else _ZERO
    d = interior[v + 1, u + 1] if z <= occluders[v + 1, u + 1] else _ZERO
    upper, lower = a + fu * (b - a), c + fu * (d - c)
    return upper + fv * (lower - upper)


@kernel
def sum_differences(
    fill: Array, faces: Array, face_index: Array, barycentric: Array, colour: Array, weight: Array,
    block: int, sums: Array,
) -> None:  # fmt: skip
    """Sums the weighted difference to the fill, and the weight, over blocks of texels.

    `fill` is red, green and blue of vertices, the share of the layers in what is laid over it, and how far
    the difference may be continued.
    """
    sums[:] = 0
    last = numba.int32(-1)
    v0 = v1 = v2 = numba.uint32(0)
    for row in range(face_index.shape[0]):
        for column in range(face_index.shape[1]):
            w = weight[row, column]
            if w > _ZERO:
                f = face_index[row, column]
                if f != last:
                    last = f
                    v0, v1, v2 = _corners(faces, f)
                i, j = row // block, column // block
                bary = barycentric[row, column]
                w *= bary[0] * fill[v0, 4] + bary[1] * fill[v1, 4] + bary[2] * fill[v2, 4]
                for c in range(3):
                    b = barycentric[row, column, 0] * fill[v0, c] + barycentric[row, column, 1] * fill[v1, c]
                    b += barycentric[row, column, 2] * fill[v2, c]
                    sums[i, j, c] += w * (colour[row, column, c] - b)
                sums[i, j, 3] += w


@kernel
def blend_layers(
    fill: Array, faces: Array, usable: Array, corrections: Array, mirrored: bool, first_row: int, block: int,
    face_index: Array, barycentric: Array, colour: Array, weight: Array, result: Array,
) -> None:  # fmt: skip
    """Lays photo over mirrored photo over extended fill, for a band of rows from `first_row` on, in 8 bits.

    `fill` is red, green and blue of vertices, and the share of the layers in what is laid over it.
    `corrections` hold, for blocks of the whole texture, what to add to the mirrored photo's difference
    to the fill, then the difference to continue with where neither side was seen.
    """
    size = face_index.shape[1]
    per_block = _ONE / np.float32(block)
    last, other_last, taken, whole = numba.int32(-1), numba.int32(-1), False, False
    v0 = v1 = v2 = m0 = m1 = m2 = numba.uint32(0)
    for row in range(face_index.shape[0]):
        y = (np.float32(first_row + row) + _HALF) * per_block
        for column in range(size):
            f = face_index[row, column]
            if f < 0:
                continue
            if f != last:
                last, taken = f, usable[f]
                v0, v1, v2 = _corners(faces, f)
                whole = min(fill[v0, 3], fill[v1, 3], fill[v2, 3]) >= _ONE
            w = weight[row, column]
            if w >= _ONE and whole:
                for c in range(3):
                    result[row, column, c] = _as_byte(colour[row, column, c])
                continue
            b0, b1, b2 = barycentric[row, column, 0], barycentric[row, column, 1], barycentric[row, column, 2]
            share = min(b0 * fill[v0, 3] + b1 * fill[v1, 3] + b2 * fill[v2, 3], _ONE)
            w_other, other = _ZERO, size - 1 - column
            i = j = numba.uint32(0)
            fi = fj = n0 = n1 = n2 = _ZERO
            if share > _ZERO and taken:
                x = (np.float32(column) + _HALF) * per_block
                j, i, fj, fi = _corner_and_fraction(x, y, corrections.shape[1], corrections.shape[0])
                w_other = weight[row, other] if mirrored else _ZERO
                if w_other > _ZERO:
                    if face_index[row, other] != other_last:
                        other_last = face_index[row, other]
                        m0, m1, m2 = _corners(faces, other_last)
                    n0, n1 = barycentric[row, other, 0], barycentric[row, other, 1]
                    n2 = barycentric[row, other, 2]
            for c in range(3):
                base = b0 * fill[v0, c] + b1 * fill[v1, c] + b2 * fill[v2, c]
                value = base
                if share > _ZERO:
                    if taken:
                        added = _looked_up(corrections, i, j, fi, fj, c + 3)
                        if w_other > _ZERO:
                            behind = n0 * fill[m0, c] + n1 * fill[m1, c] + n2 * fill[m2, c]
                            shift = _looked_up(corrections, i, j, fi, fj, c)
                            added += w_other * (colour[row, other, c] - behind + shift - added)
                        value += added
                    value += w * (colour[row, column, c] - value)
                    value = base + share * (min(max(value, _ZERO), _ONE) - base)
                result[row, column, c] = _as_byte(value)


@subroutine
def _as_byte(value: Any) -> Any:
    """A colour in [0, 1], clamped, as 0 to 255."""
    return numba.uint8(_LARGEST_BYTE * min(max(value, _ZERO), _ONE) + _HALF)


@subroutine
def _looked_up(grid: Array, i: Any, j: Any, fi: Any, fj: Any, c: int) -> Any:
    """A channel of a grid between four cells, bilinearly."""
    upper = grid[i, j, c] + fj * (grid[i, j + 1, c] - grid[i, j, c])
    lower = grid[i + 1, j, c] + fj * (grid[i + 1, j + 1, c] - grid[i + 1, j, c])
    return upper + fi * (lower - upper)


@kernel
def nearest_covered(covered: Array, beside: Array, source: Array) -> None:
    """For each texel, the flat index of the nearest covered one, itself if nothing is covered.

    `beside` is room to work in: the column of the nearest covered texel of the same row.
    """
    height, width = covered.shape
    for y in range(height):
        seen = -_FAR
        for x in range(width):
            if covered[y, x]:
                seen = x
            beside[y, x] = seen
        seen = _FAR
        for step in range(width):
            x = width - 1 - step
            if covered[y, x]:
                seen = x
            if seen - x < x - beside[y, x]:
                beside[y, x] = seen
    for y in range(height):
        for x in range(width):
            source[y, x] = y * width + x
            best = _FAR * _FAR // 4
            distance = 0
            while distance < height and distance * distance < best and not covered[y, x]:
                for other in (y - distance, y + distance):
                    if 0 <= other < height:
                        across = beside[other, x] - x
                        if across * across + distance * distance < best:
                            best = across * across + distance * distance
                            source[y, x] = other * width + beside[other, x]
                distance += 1
