"""Serial numba kernels over one picture or a band of its rows, for `texture`; see `_reference_texture`."""

from typing import Any

import numba

from monoface.core.kernels.compiled import Array, kernel, subroutine


@kernel
def sample(texels: Array, sizes: Array, offsets: Array, uv: Array, level: Array, result: Array) -> None:
    """Colours of pixels, between the copies below and above the level."""
    height, width, channels = result.shape
    for y in range(height):
        for x in range(width):
            finer = int(level[y, x])
            part = level[y, x] - finer
            for c in range(channels):
                result[y, x, c] = 0
            for step in range(2 if part > 0 else 1):
                share = part if step == 1 else 1 - part
                at, right, down, fx, fy = _place(sizes, offsets, uv[y, x], finer + step)[:5]
                for c in range(channels):
                    upper = texels[at, c] + fx * (texels[at + right, c] - texels[at, c])
                    lower = texels[at + down, c]
                    lower += fx * (texels[at + down + right, c] - texels[at + down, c])
                    result[y, x, c] += share * (upper + fy * (lower - upper))


@kernel
def sample_backward(
    texels: Array, sizes: Array, offsets: Array, uv: Array, level: Array, grad_result: Array,
    grad_texels: Array, grad_uv: Array,
) -> None:  # fmt: skip
    """Gradients of `sample`: added up for the texels, written for the coordinates."""
    real = uv.dtype.type
    height, width, channels = grad_result.shape
    for y in range(height):
        for x in range(width):
            finer = int(level[y, x])
            part = level[y, x] - finer
            gu, gv = real(0), real(0)
            for step in range(2 if part > 0 else 1):
                share = part if step == 1 else 1 - part
                place = _place(sizes, offsets, uv[y, x], finer + step)
                at, right, down, fx, fy, du, dv = place
                gx, gy = real(0), real(0)
                for c in range(channels):
                    g = share * grad_result[y, x, c]
                    upper_left, upper_right = texels[at, c], texels[at + right, c]
                    lower_left, lower_right = texels[at + down, c], texels[at + down + right, c]
                    gx += g * ((1 - fy) * (upper_right - upper_left) + fy * (lower_right - lower_left))
                    gy += g * ((1 - fx) * (lower_left - upper_left) + fx * (lower_right - upper_right))
                    grad_texels[at, c] += g * (1 - fx) * (1 - fy)
                    grad_texels[at + right, c] += g * fx * (1 - fy)
                    grad_texels[at + down, c] += g * (1 - fx) * fy
                    grad_texels[at + down + right, c] += g * fx * fy
                gu += gx * du
                gv += gy * dv
            grad_uv[y, x, 0], grad_uv[y, x, 1] = gu, gv


@subroutine
def _place(sizes: Array, offsets: Array, uv: Array, level: Any) -> tuple[Any, Any, Any, Any, Any, Any, Any]:
    """The first of the four texels around a point and the steps to those right of and below it.

    Then how far the point lies towards these, and how much farther for each unit of u and of v.
    """
    real = uv.dtype.type
    rows, columns = sizes[level, 0], sizes[level, 1]
    du, dv = real(sizes[0, 1]) / real(1 << level), real(sizes[0, 0]) / real(1 << level)
    x, y = uv[0] * du - real(0.5), uv[1] * dv - real(0.5)
    # Beyond the middles of the border's texels the colour stays the same.
    if not (x >= 0 and x <= columns - 1):
        du = real(0)
    if not (y >= 0 and y <= rows - 1):
        dv = real(0)
    x = min(max(x, real(0)), real(columns - 1))
    y = min(max(y, real(0)), real(rows - 1))
    left, top = max(min(int(x), columns - 2), 0), max(min(int(y), rows - 2), 0)
    right, down = numba.int64(columns > 1), columns * numba.int64(rows > 1)
    return offsets[level] + top * columns + left, right, down, x - left, y - top, du, dv
