"""Serial numba kernels that blend one picture across its silhouettes, as `_reference_edges` defines it."""

from typing import Any

import numba

from monoface.core.kernels.compiled import Array, kernel, subroutine
from monoface.raster._numba.edge_kernels import _NEXT
from monoface.raster._numba.kernels import _HALF_PIXEL
from monoface.raster._precision import SUBPIXELS


@kernel
def blend_shares(image: Array, shares: Array, touched: Array, result: Array) -> None:
    """Changes the copy `result` of an image where pixels take a share of a neighbour's colour."""
    real = image.dtype.type
    height, width, channels = image.shape
    for y in range(height):
        for x in range(width):
            if not touched[y, x]:
                continue
            right, left, below, above = _shares_of(shares, y, x)
            total = ((right + left) + below) + above
            scale = real(1) / total if total > 1 else real(1)
            right, left, below, above = right * scale, left * scale, below * scale, above * scale
            for c in range(channels):
                value = image[y, x, c]
                change = real(0)
                if right != 0:
                    change += right * (image[y, x + 1, c] - value)
                if left != 0:
                    change += left * (image[y, x - 1, c] - value)
                if below != 0:
                    change += below * (image[y + 1, x, c] - value)
                if above != 0:
                    change += above * (image[y - 1, x, c] - value)
                result[y, x, c] = value + change


@subroutine
def _shares_of(shares: Array, y: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """What a pixel takes of its right, left, lower and upper neighbours."""
    zero = shares.dtype.type(0)
    right, below = max(shares[y, x, 0], zero), max(shares[y, x, 1], zero)
    left = max(-shares[y, x - 1, 0], zero) if x > 0 else zero
    above = max(-shares[y - 1, x, 1], zero) if y > 0 else zero
    return right, left, below, above


@kernel
def blend_shares_backward(
    image: Array, result: Array, edges: Array, shares: Array, touched: Array, grad_result: Array,
    grad_image: Array, grad_shares: Array,
) -> None:  # fmt: skip
    """Gradients of `blend_shares`: `grad_image` begins as a copy of `grad_result`, `grad_shares` at zero."""
    real = image.dtype.type
    height, width, channels = image.shape
    for y in range(height):
        for x in range(width):
            if not touched[y, x]:
                continue
            taken = _shares_of(shares, y, x)
            total = ((taken[0] + taken[1]) + taken[2]) + taken[3]
            scale = real(1) / total if total > 1 else real(1)
            base = result if total > 1 else image
            for way in range(4):
                dy, dx = (way // 2) * (1 - 2 * (way % 2)), (1 - way // 2) * (1 - 2 * (way % 2))
                ny, nx = y + dy, x + dx
                # Of a share of exactly zero the pixel itself would take the first part.
                at_zero = way % 2 == 0 and edges[y, x, way // 2] >= 0 and shares[y, x, way // 2] == 0
                if taken[way] == 0 and not at_zero:
                    continue
                along = real(0)
                for c in range(channels):
                    g = grad_result[y, x, c]
                    grad_image[y, x, c] -= taken[way] * scale * g
                    grad_image[ny, nx, c] += taken[way] * scale * g
                    along += g * (image[ny, nx, c] - base[y, x, c])
                if way % 2 == 0:
                    grad_shares[y, x, way // 2] += along * scale
                else:
                    grad_shares[ny, nx, way // 2] -= along * scale


@kernel
def move_edges_backward(
    grid: Array, faces: Array, edges: Array, grad_shares: Array, grad_verts: Array
) -> None:
    """Adds the gradient of the shares to the gradient of the silhouettes' vertices."""
    real = grad_verts.dtype.type
    height, width, _ = edges.shape
    for y in range(height):
        for x in range(width):
            for axis in range(2):
                e = edges[y, x, axis]
                if e < 0:
                    continue
                g = grad_shares[y, x, axis]
                p, q = faces[e >> 2, e & 3], faces[e >> 2, _NEXT[e & 3]]
                across = numba.int64((y if axis == 0 else x) * SUBPIXELS + _HALF_PIXEL)
                pc, qc = numba.int64(grid[p, 1 - axis]), numba.int64(grid[q, 1 - axis])
                t = real(across - pc) / real(qc - pc)
                slope = real(numba.int64(grid[q, axis]) - numba.int64(grid[p, axis])) / real(qc - pc)
                grad_verts[p, axis] -= (1 - t) * g
                grad_verts[q, axis] -= t * g
                grad_verts[p, 1 - axis] += (1 - t) * slope * g
                grad_verts[q, 1 - axis] += t * slope * g
