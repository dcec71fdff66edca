"""Triton kernels for rasterising and interpolating on CUDA.

Integers and the order of floating-point operations are those of `_reference`. So that results agree bit
for bit, kernels are launched without contraction of products and sums, and divisions are rounded as IEEE
754 has it (Triton's own `/` is not, in float32). Parameters in capitals are constants of a compiled kernel;
types are left out, because Triton reads annotations in its own way.
"""

import triton
import triton.language as tl

from monoface.raster._precision import SUBPIXEL_BITS as _SUBPIXEL_BITS
from monoface.raster._precision import SUBPIXELS as _SUBPIXELS

SUBPIXEL_BITS = tl.constexpr(_SUBPIXEL_BITS)
SUBPIXELS = tl.constexpr(_SUBPIXELS)
HALF_PIXEL = tl.constexpr(_SUBPIXELS // 2)
NOT_RASTERIZABLE = tl.constexpr(-(2**31))
NOTHING = tl.constexpr(2**63 - 1)


@triton.jit
def rasterize(
    grid, linear, faces, nearest, vert_count, height, width,
    PERSPECTIVE: tl.constexpr, CULL_BACK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """One triangle of one picture: puts depth and index where they are less than what is there.

    Depth in the upper and index in the lower half of one integer: the least is the nearest triangle and,
    of equally near ones, the first.
    """
    f, b = tl.program_id(0).to(tl.int64), tl.program_id(1).to(tl.int64)
    v0, v1, v2, x0, y0, x1, y1, x2, y2 = corners(grid + 2 * b * vert_count, faces, f)
    area = edge_function(x0, y0, x1, y1, x2, y2)
    drawn = (x0 != NOT_RASTERIZABLE) & (x1 != NOT_RASTERIZABLE) & (x2 != NOT_RASTERIZABLE) & (area != 0)
    if CULL_BACK:
        drawn = drawn & (area < 0)
    left = (tl.minimum(tl.minimum(x0, x1), x2) + HALF_PIXEL - 1) >> SUBPIXEL_BITS
    first = (tl.minimum(tl.minimum(y0, y1), y2) + HALF_PIXEL - 1) >> SUBPIXEL_BITS
    right = (tl.maximum(tl.maximum(x0, x1), x2) - HALF_PIXEL) >> SUBPIXEL_BITS
    last = (tl.maximum(tl.maximum(y0, y1), y2) - HALF_PIXEL) >> SUBPIXEL_BITS
    left, first = tl.maximum(left, 0), tl.maximum(first, 0)
    columns = tl.maximum(tl.minimum(right, width - 1) - left + 1, 0)
    rows = tl.maximum(tl.minimum(last, height - 1) - first + 1, 0)
    count = tl.where(drawn, columns * rows, 0)
    base = b * vert_count
    q0, q1, q2 = tl.load(linear + base + v0), tl.load(linear + base + v1), tl.load(linear + base + v2)
    done = count * 0
    while done < count:
        place = done + tl.arange(0, BLOCK)
        x, y = left + place % columns, first + place // columns
        e0, e1, e2, inside = edges_at(x0, y0, x1, y1, x2, y2, area, x, y)
        inside = inside & (place < count)
        _, _, _, depth = weights_and_depth(e0, e1, e2, area, q0, q1, q2, PERSPECTIVE)
        single = depth.to(tl.float32)
        # Minus zero and zero are one depth.
        single = tl.where(single == 0, 0.0, single)
        bits = single.to(tl.int32, bitcast=True).to(tl.int64)
        ordered = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
        tl.atomic_min(nearest + (b * height + y) * width + x, (ordered << 32) | f, mask=inside, sem="relaxed")
        done += BLOCK


@triton.jit
def resolve(
    grid, linear, faces, nearest, face_index, barycentric, depth,
    vert_count, height, width, PERSPECTIVE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Unpacks the triangles of a block of pixels, and finds the places on them."""
    b = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = pixel < height * width
    key = tl.load(nearest + b * height * width + pixel, mask=there, other=NOTHING)
    covered = there & (key != NOTHING)
    f = tl.where(covered, key & 0xFFFFFFFF, 0)
    base = b * vert_count
    v0, v1, v2, x0, y0, x1, y1, x2, y2 = masked_corners(grid + 2 * base, faces, f, covered)
    area = tl.where(covered, edge_function(x0, y0, x1, y1, x2, y2), 1)
    e0, e1, e2, _ = edges_at(x0, y0, x1, y1, x2, y2, area, pixel % width, pixel // width)
    q0 = tl.load(linear + base + v0, mask=covered, other=1.0)
    q1 = tl.load(linear + base + v1, mask=covered, other=1.0)
    q2 = tl.load(linear + base + v2, mask=covered, other=1.0)
    b0, b1, b2, d = weights_and_depth(e0, e1, e2, area, q0, q1, q2, PERSPECTIVE)
    at = b * height * width + pixel
    tl.store(face_index + at, tl.where(covered, f, -1), mask=there)
    tl.store(depth + at, tl.where(covered, d, 0.0), mask=there)
    tl.store(barycentric + 3 * at, tl.where(covered, b0, 0.0), mask=there)
    tl.store(barycentric + 3 * at + 1, tl.where(covered, b1, 0.0), mask=there)
    tl.store(barycentric + 3 * at + 2, tl.where(covered, b2, 0.0), mask=there)


@triton.jit
def rasterize_backward(
    grid, linear, faces, face_index, grad_barycentric, grad_depth,
    grad_verts, vert_count, height, width, PERSPECTIVE: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Adds gradients of a block of pixels to those of the vertices: see `_kernels.rasterize_backward`."""
    b = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    at = b * height * width + pixel
    f = tl.load(face_index + at, mask=pixel < height * width, other=-1)
    covered = f >= 0
    base = b * vert_count
    v0, v1, v2, x0, y0, x1, y1, x2, y2 = masked_corners(grid + 2 * base, faces, tl.maximum(f, 0), covered)
    area = tl.where(covered, edge_function(x0, y0, x1, y1, x2, y2), 1)
    e0, e1, e2, _ = edges_at(x0, y0, x1, y1, x2, y2, area, pixel % width, pixel // width)
    q0 = tl.load(linear + base + v0, mask=covered, other=1.0)
    q1 = tl.load(linear + base + v1, mask=covered, other=1.0)
    q2 = tl.load(linear + base + v2, mask=covered, other=1.0)
    sign = tl.where(area > 0, 1, -1)
    inverse = divide(tl.cast(1.0, q0.dtype), (sign * area).to(q0.dtype))
    b0, b1, b2 = e0.to(q0.dtype) * inverse, e1.to(q0.dtype) * inverse, e2.to(q0.dtype) * inverse
    g0 = tl.load(grad_barycentric + 3 * at, mask=covered, other=0.0)
    g1 = tl.load(grad_barycentric + 3 * at + 1, mask=covered, other=0.0)
    g2 = tl.load(grad_barycentric + 3 * at + 2, mask=covered, other=0.0)
    gd = tl.load(grad_depth + at, mask=covered, other=0.0)
    if PERSPECTIVE:
        q = b0 * q0 + b1 * q1 + b2 * q2
        d = divide(tl.cast(1.0, q.dtype), tl.where(covered, q, 1.0))
        common = (g0 * b0 * q0 + g1 * b1 * q1 + g2 * b2 * q2) * d + gd * d
        h0, h1, h2 = d * (g0 - common), d * (g1 - common), d * (g2 - common)
        z0, z1, z2 = -h0 * b0 * q0 * q0, -h1 * b1 * q1 * q1, -h2 * b2 * q2 * q2
        g0, g1, g2 = h0 * q0, h1 * q1, h2 * q2
    else:
        z0, z1, z2 = gd * b0, gd * b1, gd * b2
        g0, g1, g2 = g0 + gd * q0, g1 + gd * q1, g2 + gd * q2
    scale = sign.to(q0.dtype) * inverse * SUBPIXELS
    real = q0.dtype
    gx = (g0 * (y1 - y2).to(real) + g1 * (y2 - y0).to(real) + g2 * (y0 - y1).to(real)) * scale
    gy = (g0 * (x2 - x1).to(real) + g1 * (x0 - x2).to(real) + g2 * (x1 - x0).to(real)) * scale
    add_at(grad_verts + 3 * (base + v0), -b0 * gx, -b0 * gy, z0, covered)
    add_at(grad_verts + 3 * (base + v1), -b1 * gx, -b1 * gy, z1, covered)
    add_at(grad_verts + 3 * (base + v2), -b2 * gx, -b2 * gy, z2, covered)


@triton.jit
def blend(
    attributes, faces, face_index, barycentric, result, vert_count,
    pixel_count, channels, BLOCK: tl.constexpr,
):  # fmt: skip
    """Blends the attributes of the three vertices of each pixel of a block."""
    b = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    at = b * pixel_count + pixel
    there = pixel < pixel_count
    v0, v1, v2, b0, b1, b2, covered = fragment(faces, face_index, barycentric, at, there)
    base = attributes + b * vert_count * channels
    for c in range(channels):
        a0 = tl.load(base + v0 * channels + c, mask=covered, other=0.0)
        a1 = tl.load(base + v1 * channels + c, mask=covered, other=0.0)
        a2 = tl.load(base + v2 * channels + c, mask=covered, other=0.0)
        value = tl.where(covered, (b0 * a0 + b1 * a1) + b2 * a2, 0.0)
        tl.store(result + at * channels + c, value, mask=there)


@triton.jit
def blend_backward(
    attributes, faces, face_index, barycentric, grad_result, grad_barycentric,
    grad_attributes, vert_count, pixel_count, channels,
    WANTS_ATTRIBUTES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradients of `blend`: written for the barycentrics, added up for the attributes."""
    b = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    at = b * pixel_count + pixel
    there = pixel < pixel_count
    v0, v1, v2, b0, b1, b2, covered = fragment(faces, face_index, barycentric, at, there)
    first = b * vert_count * channels
    g0, g1, g2 = b0 * 0, b1 * 0, b2 * 0
    for c in range(channels):
        g = tl.load(grad_result + at * channels + c, mask=covered, other=0.0)
        at0, at1, at2 = first + v0 * channels + c, first + v1 * channels + c, first + v2 * channels + c
        g0 += g * tl.load(attributes + at0, mask=covered, other=0.0)
        g1 += g * tl.load(attributes + at1, mask=covered, other=0.0)
        g2 += g * tl.load(attributes + at2, mask=covered, other=0.0)
        if WANTS_ATTRIBUTES:
            tl.atomic_add(grad_attributes + at0, b0 * g, mask=covered, sem="relaxed")
            tl.atomic_add(grad_attributes + at1, b1 * g, mask=covered, sem="relaxed")
            tl.atomic_add(grad_attributes + at2, b2 * g, mask=covered, sem="relaxed")
    tl.store(grad_barycentric + 3 * at, g0, mask=there)
    tl.store(grad_barycentric + 3 * at + 1, g1, mask=there)
    tl.store(grad_barycentric + 3 * at + 2, g2, mask=there)


@triton.jit
def fragment(faces, face_index, barycentric, at, there):
    """Vertices and weights of pixels, and which of these show a surface."""
    f = tl.load(face_index + at, mask=there, other=-1)
    covered = f >= 0
    f = tl.maximum(f, 0)
    v0 = tl.load(faces + 3 * f, mask=covered, other=0)
    v1 = tl.load(faces + 3 * f + 1, mask=covered, other=0)
    v2 = tl.load(faces + 3 * f + 2, mask=covered, other=0)
    b0 = tl.load(barycentric + 3 * at, mask=covered, other=0.0)
    b1 = tl.load(barycentric + 3 * at + 1, mask=covered, other=0.0)
    b2 = tl.load(barycentric + 3 * at + 2, mask=covered, other=0.0)
    return v0, v1, v2, b0, b1, b2, covered


@triton.jit
def corners(grid, faces, f):
    """Vertices of a triangle, and their coordinates on the grid with room for products."""
    v0, v1, v2 = tl.load(faces + 3 * f), tl.load(faces + 3 * f + 1), tl.load(faces + 3 * f + 2)
    x0, y0 = tl.load(grid + 2 * v0).to(tl.int64), tl.load(grid + 2 * v0 + 1).to(tl.int64)
    x1, y1 = tl.load(grid + 2 * v1).to(tl.int64), tl.load(grid + 2 * v1 + 1).to(tl.int64)
    x2, y2 = tl.load(grid + 2 * v2).to(tl.int64), tl.load(grid + 2 * v2 + 1).to(tl.int64)
    return v0, v1, v2, x0, y0, x1, y1, x2, y2


@triton.jit
def masked_corners(grid, faces, f, mask):
    """The same for a block of triangles, some of which are none."""
    v0 = tl.load(faces + 3 * f, mask=mask, other=0)
    v1 = tl.load(faces + 3 * f + 1, mask=mask, other=0)
    v2 = tl.load(faces + 3 * f + 2, mask=mask, other=0)
    x0 = tl.load(grid + 2 * v0, mask=mask, other=0).to(tl.int64)
    y0 = tl.load(grid + 2 * v0 + 1, mask=mask, other=0).to(tl.int64)
    x1 = tl.load(grid + 2 * v1, mask=mask, other=0).to(tl.int64)
    y1 = tl.load(grid + 2 * v1 + 1, mask=mask, other=0).to(tl.int64)
    x2 = tl.load(grid + 2 * v2, mask=mask, other=0).to(tl.int64)
    y2 = tl.load(grid + 2 * v2 + 1, mask=mask, other=0).to(tl.int64)
    return v0, v1, v2, x0, y0, x1, y1, x2, y2


@triton.jit
def edge_function(ax, ay, bx, by, px, py):
    """Twice the signed area of (a, b, p) with y down: zero on the line from a to b."""
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


@triton.jit
def edges_at(x0, y0, x1, y1, x2, y2, area, column, row):
    """Edge functions at pixel centres, positive inside, and whether the triangle owns the centres."""
    px, py = column * SUBPIXELS + HALF_PIXEL, row * SUBPIXELS + HALF_PIXEL
    sign = tl.where(area > 0, 1, -1).to(tl.int64)
    e0 = sign * edge_function(x1, y1, x2, y2, px, py)
    e1 = sign * edge_function(x2, y2, x0, y0, px, py)
    e2 = sign * edge_function(x0, y0, x1, y1, px, py)
    inside = owns(e0, sign * (x2 - x1), sign * (y2 - y1)) & owns(e1, sign * (x0 - x2), sign * (y0 - y2))
    return e0, e1, e2, inside & owns(e2, sign * (x1 - x0), sign * (y1 - y0))


@triton.jit
def owns(value, dx, dy):
    """Whether centres lie on the inner side of an edge, or on it if it is a top or left edge."""
    return value >= tl.where((dy < 0) | ((dy == 0) & (dx > 0)), 0, 1)


@triton.jit
def weights_and_depth(e0, e1, e2, area, q0, q1, q2, PERSPECTIVE: tl.constexpr):
    """Barycentric weights and depth, in the order of operations of `_reference`."""
    real = q0.dtype
    sign = tl.where(area > 0, 1, -1).to(tl.int64)
    inverse = divide(tl.cast(1.0, real), (sign * area).to(real))
    b0, b1, b2 = e0.to(real) * inverse, e1.to(real) * inverse, e2.to(real) * inverse
    q = (q0 + b1 * (q1 - q0)) + b2 * (q2 - q0)
    if PERSPECTIVE:
        # Outside the triangle it may be zero, and counts for nothing.
        d = divide(tl.cast(1.0, real), tl.where(q == 0, 1.0, q))
        b0, b1, b2 = (b0 * q0) * d, (b1 * q1) * d, (b2 * q2) * d
    else:
        d = q
    return b0, b1, b2, d


@triton.jit
def divide(a, b):
    """Quotient, rounded to the nearest."""
    if b.dtype == tl.float32:
        quotient = tl.div_rn(a, b)
    else:
        quotient = a / b
    return quotient


@triton.jit
def add_at(pointer, x, y, z, mask):
    """Adds vectors at places that others add to at the same time."""
    tl.atomic_add(pointer, x, mask=mask, sem="relaxed")
    tl.atomic_add(pointer + 1, y, mask=mask, sem="relaxed")
    tl.atomic_add(pointer + 2, z, mask=mask, sem="relaxed")
