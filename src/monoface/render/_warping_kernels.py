"""Serial numba kernels over the pixels of one target, for `warping`."""

from typing import Any

import numba
import numpy as np

from monoface.core.kernels.compiled import Array, kernel, subroutine
from monoface.geometry.reprojection import NEAREST_MM


@kernel
def warp(
    image: Array, depth_source: Array, depth_target: Array, matrix: Array, pinhole_target: bool,
    pinhole_source: bool, tolerance: float, rows: Array, result: Array, warped: Array, sampled: Array,
    covisible: Array,
) -> None:  # fmt: skip
    """Samples the source at the surface of the target's rows from `rows[0]` to before `rows[1]`."""
    real = depth_target.dtype.type
    height, width = depth_source.shape
    for row in range(rows[0], rows[1]):
        for column in range(depth_target.shape[1]):
            depth = depth_target[row, column]
            found = False
            if depth > real(0):
                x, y, z = _place(matrix, row, column, depth, pinhole_target, pinhole_source)
                if x >= real(0) and y >= real(0) and x <= real(width - 1) and y <= real(height - 1):
                    u, v, fu, fv = _corner_and_fraction(x, y, width, height)
                    a, b = depth_source[v, u], depth_source[v, u + 1]
                    c, d = depth_source[v + 1, u], depth_source[v + 1, u + 1]
                    seen = _between(a, b, c, d, fu, fv)
                    found = min(a, b, c, d) > real(0) and abs(z - seen) <= real(tolerance)
                    if found:
                        warped[row, column], sampled[row, column] = z, seen
                        for channel in range(len(image)):
                            a, b = image[channel, v, u], image[channel, v, u + 1]
                            c, d = image[channel, v + 1, u], image[channel, v + 1, u + 1]
                            result[channel, row, column] = _between(a, b, c, d, fu, fv)
            covisible[row, column] = found
            if not found:
                warped[row, column] = sampled[row, column] = 0
                for channel in range(len(image)):
                    result[channel, row, column] = 0


@kernel
def warp_backward(
    image: Array, depth_source: Array, depth_target: Array, matrix: Array, pinhole_target: bool,
    pinhole_source: bool, covisible: Array, grad: Array, grad_warped: Array, grad_sampled: Array,
    grad_image: Array, grad_source: Array, grad_target: Array, grad_matrix: Array,
) -> None:  # fmt: skip
    """Gradients of `warp`, added up; `grad_image` has no channel if nobody wants it."""
    real = depth_target.dtype.type
    height, width = depth_source.shape
    for row in range(depth_target.shape[0]):
        for column in range(depth_target.shape[1]):
            if not covisible[row, column]:
                continue
            depth = depth_target[row, column]
            x, y, z = _place(matrix, row, column, depth, pinhole_target, pinhole_source)
            u, v, fu, fv = _corner_and_fraction(x, y, width, height)
            g = grad_sampled[row, column]
            grad_x, grad_y = _slopes(depth_source, u, v, fu, fv)
            grad_x, grad_y = g * grad_x, g * grad_y
            _spread(grad_source, u, v, fu, fv, g)
            for channel in range(len(image)):
                g = grad[channel, row, column]
                along, down = _slopes(image[channel], u, v, fu, fv)
                grad_x += g * along
                grad_y += g * down
                if len(grad_image) > 0:
                    _spread(grad_image[channel], u, v, fu, fv, g)
            grad_z = grad_warped[row, column]
            if pinhole_source:
                back = real(1) / max(z, real(NEAREST_MM))
                if z > real(NEAREST_MM):
                    grad_z -= ((x + real(0.5)) * grad_x + (y + real(0.5)) * grad_y) * back
                grad_x *= back
                grad_y *= back
            grad_target[row, column] = _to_matrix_and_depth(
                matrix, row, column, depth, pinhole_target, grad_x, grad_y, grad_z, grad_matrix
            )


@subroutine
def _corner_and_fraction(x: Any, y: Any, width: int, height: int) -> tuple[Any, Any, Any, Any]:
    """Upper left of the four pixels around a place inside, and how far it lies towards the others."""
    u, v = min(numba.uint32(x), numba.uint32(width - 2)), min(numba.uint32(y), numba.uint32(height - 2))
    return u, v, x - type(x)(u), y - type(y)(v)


@subroutine
def _between(a: Any, b: Any, c: Any, d: Any, fu: Any, fv: Any) -> Any:
    """Bilinear mean of an upper and a lower pair."""
    upper, lower = a + fu * (b - a), c + fu * (d - c)
    return upper + fv * (lower - upper)


@subroutine
def _slopes(values: Array, u: Any, v: Any, fu: Any, fv: Any) -> tuple[Any, Any]:
    """Derivatives of the bilinear mean to the right and down."""
    a, b, c, d = values[v, u], values[v, u + 1], values[v + 1, u], values[v + 1, u + 1]
    return (b - a) + fv * ((d - c) - (b - a)), (c - a) + fu * ((d - b) - (c - a))


@subroutine
def _spread(grad: Array, u: Any, v: Any, fu: Any, fv: Any, g: Any) -> None:
    """Adds a gradient to the four pixels that a bilinear mean was made of."""
    lower = fv * g
    upper = g - lower
    grad[v, u] += upper - fu * upper
    grad[v, u + 1] += fu * upper
    grad[v + 1, u] += lower - fu * lower
    grad[v + 1, u + 1] += fu * lower


@subroutine
def _place(
    matrix: Array, row: Any, column: Any, depth: Any, pinhole_target: bool, pinhole_source: bool
) -> tuple[Any, Any, Any]:
    """Where a pixel's surface lies in the source, counted from the first pixel's centre, and its depth."""
    real = type(depth)
    x, y = real(column) + real(0.5), real(row) + real(0.5)
    if pinhole_target:
        x *= depth
        y *= depth
    u = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * depth + matrix[0, 3]
    v = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * depth + matrix[1, 3]
    z = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * depth + matrix[2, 3]
    if pinhole_source:
        back = real(1) / max(z, real(NEAREST_MM))
        u *= back
        v *= back
    return u - real(0.5), v - real(0.5), z


@subroutine
def _to_matrix_and_depth(
    matrix: Array, row: Any, column: Any, depth: Any, pinhole_target: bool, grad_x: Any, grad_y: Any,
    grad_z: Any, grad_matrix: Array,
) -> Any:  # fmt: skip
    """Adds a gradient of the projected point to the matrix's, and returns that of the depth."""
    real = type(depth)
    x, y = real(column) + real(0.5), real(row) + real(0.5)
    grad_depth = grad_x * matrix[0, 2] + grad_y * matrix[1, 2] + grad_z * matrix[2, 2]
    if pinhole_target:
        grad_depth += x * (grad_x * matrix[0, 0] + grad_y * matrix[1, 0] + grad_z * matrix[2, 0])
        grad_depth += y * (grad_x * matrix[0, 1] + grad_y * matrix[1, 1] + grad_z * matrix[2, 1])
        x *= depth
        y *= depth
    # Double precision, since these are sums over all pixels.
    g0, g1, g2 = np.float64(grad_x), np.float64(grad_y), np.float64(grad_z)
    grad_matrix[0, 0] += g0 * x
    grad_matrix[0, 1] += g0 * y
    grad_matrix[0, 2] += g0 * depth
    grad_matrix[0, 3] += g0
    grad_matrix[1, 0] += g1 * x
    grad_matrix[1, 1] += g1 * y
    grad_matrix[1, 2] += g1 * depth
    grad_matrix[1, 3] += g1
    grad_matrix[2, 0] += g2 * x
    grad_matrix[2, 1] += g2 * y
    grad_matrix[2, 2] += g2 * depth
    grad_matrix[2, 3] += g2
    return grad_depth
