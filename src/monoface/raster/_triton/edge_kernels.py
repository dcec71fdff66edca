"""Triton kernels for `antialias`: the walks of `_reference_edges`, one a pair of pixels and direction."""

import triton
import triton.language as tl

from monoface.raster._reference.edges import LONGEST_WALK as _LONGEST_WALK
from monoface.raster._triton.kernels import HALF_PIXEL, NOT_RASTERIZABLE, SUBPIXELS, divide

LONGEST_WALK = tl.constexpr(_LONGEST_WALK)


@triton.jit
def find_silhouettes(
    grid, faces, twins, face_index, depth, edges, shares, vert_count,
    height, width, AXIS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Edges that part a block of pixels from their next along an axis, and what these take; -1 and 0."""
    b = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    x, y = pixel % width, pixel // width
    place, line = (x, y) if AXIS == 0 else (y, x)
    after = pixel + (1 if AXIS == 0 else width)
    there = pixel < height * width
    paired = there & (place + 1 < (width if AXIS == 0 else height))
    first = b * height * width
    face = tl.load(face_index + first + pixel, mask=paired, other=-1)
    other_face = tl.load(face_index + first + after, mask=paired, other=-1)
    paired = paired & (face != other_face)
    nearer = tl.load(depth + first + pixel, mask=paired, other=0.0) <= tl.load(
        depth + first + after, mask=paired, other=0.0
    )
    points = grid + 2 * b * vert_count
    across, centre = line * SUBPIXELS + HALF_PIXEL, place * SUBPIXELS + HALF_PIXEL
    ahead = walk(points, faces, twins, face, across, centre + SUBPIXELS, paired, AXIS, True)
    back = walk(points, faces, twins, other_face, across, centre, paired, AXIS, False)
    edge = tl.where((ahead >= 0) & (nearer | (back < 0)), ahead, back)
    pa, pc, qa, qc = line_of(points, faces, tl.maximum(edge, 0), edge >= 0, AXIS)
    length, rise = tl.abs(qa - pa), qc - pc
    steep = (rise > length) if AXIS == 1 else (rise >= length)
    kept = (edge >= 0) & steep
    border = centre + HALF_PIXEL
    scaled = tl.where(kept, (border - pa) * (qc - pc) - (across - pc) * (qa - pa), 0)
    real = shares.dtype.element_ty
    share = divide(scaled.to(real), tl.where(kept, rise * SUBPIXELS, 1).to(real))
    at = 2 * (first + pixel) + AXIS
    tl.store(edges + at, tl.where(kept, edge, -1).to(tl.int32), mask=there)
    tl.store(shares + at, share, mask=there)


@triton.jit
def walk(
    grid, faces, twins, face, across, target, paired,
    AXIS: tl.constexpr, FORWARD: tl.constexpr,
):  # fmt: skip
    """Edges at which the surface ends on the way from triangles to the target; -1 if it does not before."""
    on = paired & (face >= 0)
    start = tl.maximum(face, 0)
    turn, _ = turn_of(grid, faces, start, on, AXIS)
    edge = way_out(grid, faces, start, across, turn, on, AXIS, FORWARD)
    result = start * 0 - 1
    step = 0
    while (step < LONGEST_WALK) & (tl.max(on.to(tl.int32), 0) > 0):
        pa, pc, qa, qc = line_of(grid, faces, edge, on, AXIS)
        excess = (pa - target) * (qc - pc) + (across - pc) * (qa - pa)
        beyond = excess > 0
        if AXIS == 1:
            beyond = beyond | ((excess == 0) & (qa > pa))
        if FORWARD:
            on = on & (beyond == 0)
        else:
            on = on & beyond
        twin = tl.load(twins + 3 * (edge >> 2) + (edge & 3), mask=on, other=-1)
        entry = tl.maximum(twin, 0)
        next_turn, drawn = turn_of(grid, faces, entry >> 2, on, AXIS)
        named_alike = end_of(faces, edge, 1, on) != end_of(faces, entry, 0, on)
        turn = tl.where(named_alike, -turn, turn)
        ends = on & ((twin < 0) | (drawn == 0) | (next_turn * turn < 0))
        result = tl.where(ends, edge, result)
        on = on & (ends == 0)
        edge = tl.where(on, other_side(grid, faces, entry, across, on, AXIS), edge)
        step += 1
    return result


@triton.jit
def turn_of(grid, faces, face, on, AXIS: tl.constexpr):
    """Signs of the areas of triangles in (along, across), and whether they are drawn."""
    a0, c0 = point_of(grid, faces, 4 * face, 0, on, AXIS)
    a1, c1 = point_of(grid, faces, 4 * face, 1, on, AXIS)
    a2, c2 = point_of(grid, faces, 4 * face, 2, on, AXIS)
    area = (a1 - a0) * (c2 - c0) - (c1 - c0) * (a2 - a0)
    drawn = (a0 != NOT_RASTERIZABLE) & (a1 != NOT_RASTERIZABLE) & (a2 != NOT_RASTERIZABLE)
    return (area > 0).to(tl.int32) - (area < 0).to(tl.int32), drawn


@triton.jit
def way_out(
    grid, faces, face, across, turn, on, AXIS: tl.constexpr,
    FORWARD: tl.constexpr,
):  # fmt: skip
    """Edges through which lines leave triangles."""
    edge = 4 * face
    for k in tl.static_range(3):
        _, start = point_of(grid, faces, 4 * face, k, on, AXIS)
        _, end = point_of(grid, faces, 4 * face, (k + 1) % 3, on, AXIS)
        descent = turn.to(tl.int64) * (end - start)
        leaves = ((start > across) != (end > across)) & ((descent > 0) if FORWARD else (descent < 0))
        edge = tl.where(leaves, 4 * face + k, edge)
    return edge


@triton.jit
def other_side(grid, faces, entry, across, on, AXIS: tl.constexpr):
    """Edges through which lines leave the triangles that they enter through others."""
    _, end = point_of(grid, faces, entry, 1, on, AXIS)
    _, opposite = point_of(grid, faces, entry, 2, on, AXIS)
    ahead = (end > across) != (opposite > across)
    following = ((entry & 3) + tl.where(ahead, 1, 2)) % 3
    return (entry & -4) + following


@triton.jit
def line_of(grid, faces, edge, on, AXIS: tl.constexpr):
    """Ends of edges as (along, across), those with the lesser `across` first."""
    pa, pc = point_of(grid, faces, edge, 0, on, AXIS)
    qa, qc = point_of(grid, faces, edge, 1, on, AXIS)
    turned = pc > qc
    return (
        tl.where(turned, qa, pa),
        tl.where(turned, qc, pc),
        tl.where(turned, pa, qa),
        tl.where(turned, pc, qc),
    )


@triton.jit
def point_of(grid, faces, edge, corner, on, AXIS: tl.constexpr):
    """Place (along, across) of a corner, counted from the start of edges, on the grid."""
    v = end_of(faces, edge, corner, on)
    along = tl.load(grid + 2 * v + AXIS, mask=on, other=0).to(tl.int64)
    return along, tl.load(grid + 2 * v + (1 - AXIS), mask=on, other=0).to(tl.int64)


@triton.jit
def end_of(faces, edge, corner, on):
    """Vertices at a corner, counted from the start of edges."""
    return tl.load(faces + 3 * (edge >> 2) + ((edge & 3) + corner) % 3, mask=on, other=0)


@triton.jit
def move_edges_backward(
    grid, faces, edges, grad_shares, grad_verts, vert_count, height,
    width, AXIS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Adds the gradient of the shares to the gradient of the silhouettes' vertices."""
    b = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = pixel < height * width
    at = 2 * (b * height * width + pixel) + AXIS
    edge = tl.load(edges + at, mask=there, other=-1).to(tl.int64)
    on = edge >= 0
    edge = tl.maximum(edge, 0)
    g = tl.load(grad_shares + at, mask=on, other=0.0)
    points = grid + 2 * b * vert_count
    pa, pc = point_of(points, faces, edge, 0, on, AXIS)
    qa, qc = point_of(points, faces, edge, 1, on, AXIS)
    across = (pixel // width if AXIS == 0 else pixel % width) * SUBPIXELS + HALF_PIXEL
    rise = tl.where(on, qc - pc, 1).to(g.dtype)
    t, slope = (across - pc).to(g.dtype) / rise, (qa - pa).to(g.dtype) / rise
    to_start = grad_verts + 3 * (b * vert_count + end_of(faces, edge, 0, on))
    to_end = grad_verts + 3 * (b * vert_count + end_of(faces, edge, 1, on))
    tl.atomic_add(to_start + AXIS, -(1 - t) * g, mask=on, sem="relaxed")
    tl.atomic_add(to_end + AXIS, -t * g, mask=on, sem="relaxed")
    tl.atomic_add(to_start + (1 - AXIS), (1 - t) * slope * g, mask=on, sem="relaxed")
    tl.atomic_add(to_end + (1 - AXIS), t * slope * g, mask=on, sem="relaxed")
