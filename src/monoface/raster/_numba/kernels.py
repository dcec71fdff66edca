"""Serial numba kernels over one picture or a band of its rows.

Orders of operations are those of `_reference`, so that results agree bit for bit: integers where
coverage is decided, and no contraction of products and sums (numba does none without `fastmath`).
"""

from typing import Any

import numba
import numpy as np

from monoface.core.kernels.compiled import Array, kernel, subroutine
from monoface.raster._precision import LARGEST_COORDINATE_PX, SUBPIXEL_BITS, SUBPIXELS

_NOT_RASTERIZABLE = np.int32(-(2**31))
_HALF_PIXEL = SUBPIXELS // 2
_LIMIT = LARGEST_COORDINATE_PX


@kernel
def snap(verts: Array, perspective: bool, grid: Array, linear: Array) -> None:
    """Fixed-point pixel coordinates, and the quantity that is linear in the picture, of vertices."""
    real = verts.dtype.type
    for v in range(verts.shape[0]):
        x, y, z = verts[v, 0], verts[v, 1], verts[v, 2]
        rasterizable = abs(x) <= _LIMIT and abs(y) <= _LIMIT and np.isfinite(z) and (z > 0 or not perspective)
        if rasterizable:
            grid[v, 0] = np.int32(np.floor(x * real(SUBPIXELS) + real(0.5)))
            grid[v, 1] = np.int32(np.floor(y * real(SUBPIXELS) + real(0.5)))
            linear[v] = real(1) / z if perspective else z
        else:
            grid[v, 0] = _NOT_RASTERIZABLE
            grid[v, 1] = _NOT_RASTERIZABLE
            linear[v] = real(0)


@kernel
def rasterize(
    grid: Array, linear: Array, faces: Array, perspective: bool, cull_back: bool, top: int,
    face_index: Array, barycentric: Array, depth: Array,
) -> None:  # fmt: skip
    """Draws all triangles into a band of rows that starts at row `top` of the picture."""
    face_index[:] = -1
    barycentric[:] = 0
    depth[:] = 0
    kept = np.empty(len(faces), np.int32)
    count = _keep_rasterizable(grid, faces, cull_back, top, face_index.shape, kept)
    _rasterize_kept(grid, linear, faces, kept[:count], perspective, top, face_index, barycentric, depth)


@subroutine
def _keep_rasterizable(
    grid: Array, faces: Array, cull_back: bool, top: int, shape: tuple[int, int], kept: Array
) -> int:
    """Lists the triangles that may own a pixel of the band, in order, and returns their number.

    Without a branch: what a triangle is decides nothing that a processor could predict.
    """
    height, width = shape
    count = 0
    for f in range(len(faces)):
        x0, y0, x1, y1, x2, y2 = _corners(grid, faces, f)
        area = _edge(x0, y0, x1, y1, x2, y2)
        left, right, first, last = _pixel_box(x0, y0, x1, y1, x2, y2)
        rasterizable = (min(x0, x1, x2) != _NOT_RASTERIZABLE) & (area != 0) & ((area < 0) | (not cull_back))
        meets = (left <= right) & (right >= 0) & (left < width)
        meets &= (first <= last) & (last >= top) & (first < top + height)
        kept[count] = f
        count += int(rasterizable & meets)
    return count


@subroutine
def _rasterize_kept(
    grid: Array, linear: Array, faces: Array, kept: Array, perspective: bool, top: int,
    face_index: Array, barycentric: Array, depth: Array,
) -> None:  # fmt: skip
    """Draws triangles, each where it is nearer than what is there."""
    real = linear.dtype.type
    height, width = face_index.shape
    for f in kept:
        x0, y0, x1, y1, x2, y2 = _corners(grid, faces, f)
        left, right, first, last = _pixel_box(x0, y0, x1, y1, x2, y2)
        left, right = max(left, 0), min(right, width - 1)
        first, last = max(first, top), min(last, top + height - 1)
        px, py = left * SUBPIXELS + _HALF_PIXEL, first * SUBPIXELS + _HALF_PIXEL
        area = _edge(x0, y0, x1, y1, x2, y2)
        sign = 1 if area > 0 else -1
        row0, across0, down0, least0 = _edge_steps(sign, x1, y1, x2, y2, px, py)
        row1, across1, down1, least1 = _edge_steps(sign, x2, y2, x0, y0, px, py)
        row2, across2, down2, least2 = _edge_steps(sign, x0, y0, x1, y1, px, py)
        inverse = real(1) / real(sign * area)
        q0, q1, q2 = linear[faces[f, 0]], linear[faces[f, 1]], linear[faces[f, 2]]
        q10, q20 = q1 - q0, q2 - q0
        # Without a sign: so numba need not ask whether they count from the end.
        for y in range(numba.uint64(first - top), numba.uint64(last - top + 1)):
            e0, e1, e2 = row0, row1, row2
            for x in range(numba.uint64(left), numba.uint64(right + 1)):
                # One sign bit for three comparisons.
                if ((e0 - least0) | (e1 - least1) | (e2 - least2)) >= 0:
                    b1, b2 = real(e1) * inverse, real(e2) * inverse
                    q = (q0 + b1 * q10) + b2 * q20
                    d = real(1) / q if perspective else q
                    if (face_index[y, x] < 0) | (numba.float32(d) < numba.float32(depth[y, x])):
                        b0 = real(e0) * inverse
                        if perspective:
                            b0, b1, b2 = (b0 * q0) * d, (b1 * q1) * d, (b2 * q2) * d
                        face_index[y, x] = f
                        depth[y, x] = d
                        barycentric[y, x, 0] = b0
                        barycentric[y, x, 1] = b1
                        barycentric[y, x, 2] = b2
                e0, e1, e2 = e0 + across0, e1 + across1, e2 + across2
            row0, row1, row2 = row0 + down0, row1 + down1, row2 + down2


@subroutine
def _corners(grid: Array, faces: Array, f: int) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Coordinates of the three corners, on the fixed-point grid, with room for products."""
    v0, v1, v2 = faces[f, 0], faces[f, 1], faces[f, 2]
    x0, x1, x2 = numba.int64(grid[v0, 0]), numba.int64(grid[v1, 0]), numba.int64(grid[v2, 0])
    y0, y1, y2 = numba.int64(grid[v0, 1]), numba.int64(grid[v1, 1]), numba.int64(grid[v2, 1])
    return x0, y0, x1, y1, x2, y2


@subroutine
def _edge(ax: Any, ay: Any, bx: Any, by: Any, px: Any, py: Any) -> Any:
    """Twice the signed area of (a, b, p) with y down: zero on the line from a to b."""
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


@subroutine
def _pixel_box(x0: Any, y0: Any, x1: Any, y1: Any, x2: Any, y2: Any) -> tuple[Any, Any, Any, Any]:
    """First and last column and row whose pixel centres lie in the bounding box."""
    # Arithmetic shifts round down.
    left = (min(x0, x1, x2) + _HALF_PIXEL - 1) >> SUBPIXEL_BITS
    right = (max(x0, x1, x2) - _HALF_PIXEL) >> SUBPIXEL_BITS
    first = (min(y0, y1, y2) + _HALF_PIXEL - 1) >> SUBPIXEL_BITS
    last = (max(y0, y1, y2) - _HALF_PIXEL) >> SUBPIXEL_BITS
    return left, right, first, last


@subroutine
def _edge_steps(sign: Any, ax: Any, ay: Any, bx: Any, by: Any, px: Any, py: Any) -> tuple[Any, Any, Any, Any]:
    """Value of an edge function at p, its steps by a pixel, and the least value that owns a pixel.

    The function is positive inside. On the edge itself, only a top or left edge owns the pixel.
    """
    dx, dy = sign * (bx - ax), sign * (by - ay)
    owns_its_points = (dy < 0) | ((dy == 0) & (dx > 0))
    least = numba.int64(1) - numba.int64(owns_its_points)
    return dx * (py - ay) - dy * (px - ax), -dy * SUBPIXELS, dx * SUBPIXELS, least


@kernel
def rasterize_backward(
    grid: Array, linear: Array, faces: Array, perspective: bool, top: int, face_index: Array,
    grad_barycentric: Array, grad_depth: Array, grad_verts: Array,
) -> None:  # fmt: skip
    """Adds the gradient of a band's barycentrics and depth to the gradient of the vertices.

    Moving vertex j by d moves what is seen at a pixel as moving the pixel by -b_j d does, where b are
    the weights in the picture: that gives all vertices' gradients from one of the pixel.
    """
    real = linear.dtype.type
    height, width = face_index.shape
    for y in range(height):
        py = (y + top) * SUBPIXELS + _HALF_PIXEL
        for x in range(width):
            f = face_index[y, x]
            if f < 0:
                continue
            px = x * SUBPIXELS + _HALF_PIXEL
            # Without a sign: so numba need not ask whether one counts from the end.
            v0, v1, v2 = numba.uint64(faces[f, 0]), numba.uint64(faces[f, 1]), numba.uint64(faces[f, 2])
            x0, x1, x2 = numba.int64(grid[v0, 0]), numba.int64(grid[v1, 0]), numba.int64(grid[v2, 0])
            y0, y1, y2 = numba.int64(grid[v0, 1]), numba.int64(grid[v1, 1]), numba.int64(grid[v2, 1])
            inverse = real(1) / real((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0))
            b0 = real((x2 - x1) * (py - y1) - (y2 - y1) * (px - x1)) * inverse
            b1 = real((x0 - x2) * (py - y2) - (y0 - y2) * (px - x2)) * inverse
            b2 = real((x1 - x0) * (py - y0) - (y1 - y0) * (px - x0)) * inverse
            g0, g1, g2 = grad_barycentric[y, x, 0], grad_barycentric[y, x, 1], grad_barycentric[y, x, 2]
            gd = grad_depth[y, x]
            q0, q1, q2 = linear[v0], linear[v1], linear[v2]
            if perspective:
                d = real(1) / (b0 * q0 + b1 * q1 + b2 * q2)
                # Of q = 1 / z at the pixel, through its three appearances as a normaliser and as depth.
                common = (g0 * b0 * q0 + g1 * b1 * q1 + g2 * b2 * q2) * d + gd * d
                h0, h1, h2 = d * (g0 - common), d * (g1 - common), d * (g2 - common)
                grad_verts[v0, 2] -= h0 * b0 * q0 * q0
                grad_verts[v1, 2] -= h1 * b1 * q1 * q1
                grad_verts[v2, 2] -= h2 * b2 * q2 * q2
                g0, g1, g2 = h0 * q0, h1 * q1, h2 * q2
            else:
                grad_verts[v0, 2] += gd * b0
                grad_verts[v1, 2] += gd * b1
                grad_verts[v2, 2] += gd * b2
                g0, g1, g2 = g0 + gd * q0, g1 + gd * q1, g2 + gd * q2
            scale = inverse * real(SUBPIXELS)
            gx = (g0 * real(y1 - y2) + g1 * real(y2 - y0) + g2 * real(y0 - y1)) * scale
            gy = (g0 * real(x2 - x1) + g1 * real(x0 - x2) + g2 * real(x1 - x0)) * scale
            grad_verts[v0, 0] -= b0 * gx
            grad_verts[v1, 0] -= b1 * gx
            grad_verts[v2, 0] -= b2 * gx
            grad_verts[v0, 1] -= b0 * gy
            grad_verts[v1, 1] -= b1 * gy
            grad_verts[v2, 1] -= b2 * gy


@kernel
def blend(attributes: Array, faces: Array, face_index: Array, barycentric: Array, result: Array) -> None:
    """Blends the attributes of each pixel's three vertices."""
    height, width, channels = result.shape
    for y in range(height):
        for x in range(width):
            f = face_index[y, x]
            if f < 0:
                for c in range(channels):
                    result[y, x, c] = 0
                continue
            v0, v1, v2 = faces[f, 0], faces[f, 1], faces[f, 2]
            b0, b1, b2 = barycentric[y, x, 0], barycentric[y, x, 1], barycentric[y, x, 2]
            for c in range(channels):
                result[y, x, c] = (b0 * attributes[v0, c] + b1 * attributes[v1, c]) + b2 * attributes[v2, c]


@kernel
def blend_backward(
    attributes: Array, faces: Array, face_index: Array, barycentric: Array, grad_result: Array,
    grad_barycentric: Array, grad_attributes: Array, wants_attributes: bool, wants_barycentric: bool,
) -> None:  # fmt: skip
    """Gradients of `blend`: written for the barycentrics, added up for the attributes."""
    real = attributes.dtype.type
    height, width, channels = grad_result.shape
    for y in range(height):
        for x in range(width):
            f = face_index[y, x]
            g0, g1, g2 = real(0), real(0), real(0)
            if f >= 0:
                v0, v1, v2 = faces[f, 0], faces[f, 1], faces[f, 2]
                if wants_attributes:
                    b0, b1, b2 = barycentric[y, x, 0], barycentric[y, x, 1], barycentric[y, x, 2]
                    for c in range(channels):
                        g = grad_result[y, x, c]
                        grad_attributes[v0, c] += b0 * g
                        grad_attributes[v1, c] += b1 * g
                        grad_attributes[v2, c] += b2 * g
                if wants_barycentric:
                    for c in range(channels):
                        g = grad_result[y, x, c]
                        g0 += attributes[v0, c] * g
                        g1 += attributes[v1, c] * g
                        g2 += attributes[v2, c] * g
            grad_barycentric[y, x, 0] = g0
            grad_barycentric[y, x, 1] = g1
            grad_barycentric[y, x, 2] = g2
