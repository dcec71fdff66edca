"""Serial numba kernels that find the silhouettes of one picture, as `_reference_edges` defines them.

Few pairs of pixels have a silhouette between them. So the silhouettes are drawn first, hidden ones too, and
only where one passes do we walk from pixel to pixel.
"""

from typing import Any

import numba
import numpy as np

from monoface.core.kernels.compiled import Array, kernel, subroutine
from monoface.raster._numba.kernels import _HALF_PIXEL, _NOT_RASTERIZABLE
from monoface.raster._precision import SUBPIXEL_BITS, SUBPIXELS
from monoface.raster._reference.edges import LONGEST_WALK

_NEXT = np.array((1, 2, 0))
"""The corner after each."""


@kernel
def find_twins(faces: Array, vert_count: int, twins: Array) -> None:
    """The other triangle's edge for each edge, as `_adjacency.edge_twins` has it."""
    first = np.zeros(vert_count + 1, np.int64)
    for f in range(len(faces)):
        for k in range(3):
            first[min(faces[f, k], faces[f, _NEXT[k]]) + 1] += 1
    for v in range(vert_count):
        first[v + 1] += first[v]
    # Edges sorted by the lower of their vertices, of which each has few.
    edges, uppers = np.empty(3 * len(faces), np.int32), np.empty(3 * len(faces), np.int32)
    filled = first.copy()
    for f in range(len(faces)):
        for k in range(3):
            p, q = faces[f, k], faces[f, _NEXT[k]]
            at = filled[min(p, q)]
            edges[at], uppers[at] = 4 * f + k, max(p, q)
            filled[min(p, q)] += 1
            twins[f, k] = -1
    for v in range(vert_count):
        for i in range(first[v], first[v + 1]):
            same, twin = 0, 0
            for j in range(first[v], first[v + 1]):
                if uppers[j] == uppers[i] and j != i:
                    same += 1
                    twin = edges[j]
            if same == 1 and uppers[i] != v:
                twins[edges[i] >> 2, edges[i] & 3] = twin


@kernel
def find_silhouettes(
    grid: Array, faces: Array, twins: Array, face_index: Array, depth: Array, edges: Array, shares: Array,
    touched: Array,
) -> None:  # fmt: skip
    """For each pixel the edges that part it from its right and lower neighbours, and the shares.

    `edges` and `shares` are (height, width, 2); where nothing parts, -1 and 0. `touched` are the pixels
    on either side of an edge.
    """
    height, width = face_index.shape
    edges[:] = -1
    shares[:] = 0
    touched[:] = False
    turns = np.empty(len(faces), np.int8)
    _find_turns(grid, faces, turns)
    marks = np.zeros((height, width), np.uint8)
    kept = np.empty(3 * len(faces), np.int32)
    for e in kept[: _keep_silhouettes(faces, twins, turns, kept)]:
        _mark(grid, faces, e, 0, marks)
        _mark(grid, faces, e, 1, marks)
    for y in range(height):
        for x in range(width):
            if marks[y, x] == 0:
                continue
            for axis in range(2):
                ny, nx = y + axis, x + 1 - axis
                if not marks[y, x] & (1 << axis) or face_index[y, x] == face_index[ny, nx]:
                    continue
                pair = face_index[y, x], face_index[ny, nx], depth[y, x] <= depth[ny, nx]
                place, line = (x, y) if axis == 0 else (y, x)
                _part(grid, faces, twins, turns, pair, place, line, axis, edges[y, x], shares[y, x])
                if edges[y, x, axis] >= 0:
                    touched[y, x], touched[ny, nx] = True, True


@subroutine
def _find_turns(grid: Array, faces: Array, turns: Array) -> None:
    """Signs of the triangles' areas; 2 for those that are not drawn."""
    for f in range(len(faces)):
        v0, v1, v2 = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, x1, x2 = numba.int64(grid[v0, 0]), numba.int64(grid[v1, 0]), numba.int64(grid[v2, 0])
        y0, y1, y2 = numba.int64(grid[v0, 1]), numba.int64(grid[v1, 1]), numba.int64(grid[v2, 1])
        area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
        sign = numba.int8(area > 0) - numba.int8(area < 0)
        turns[f] = 2 if min(x0, x1, x2) == _NOT_RASTERIZABLE else sign


@subroutine
def _keep_silhouettes(faces: Array, twins: Array, turns: Array, kept: Array) -> Any:
    """Lists the edges at which a walk may end, of two twins one, and returns their number.

    Without a branch: what a triangle is decides nothing that a processor could predict.
    """
    count = 0
    for f in range(len(faces)):
        for k in range(3):
            e = 4 * f + k
            twin = twins[f, k]
            some = max(twin, 0)
            goes_on = turns[f] * turns[some >> 2] * _wound_alike(faces, e, some) == 1
            kept[count] = e
            count += int(((twin < 0) & (turns[f] != 2)) | ((twin > e) & (not goes_on)))
    return count


@subroutine
def _wound_alike(faces: Array, e: Any, twin: Any) -> Any:
    """1 if two triangles name their common edge in opposite directions, else -1."""
    return 1 if faces[twin >> 2, twin & 3] == faces[e >> 2, _NEXT[e & 3]] else -1


@subroutine
def _line_of(grid: Array, faces: Array, e: Any, axis: Any) -> tuple[Any, Any, Any, Any]:
    """An edge's ends as (along, across), the one with the lesser `across` first; axis 1 is for columns."""
    p, q = faces[e >> 2, e & 3], faces[e >> 2, _NEXT[e & 3]]
    if grid[p, 1 - axis] > grid[q, 1 - axis]:
        p, q = q, p
    pa, qa = numba.int64(grid[p, axis]), numba.int64(grid[q, axis])
    return pa, numba.int64(grid[p, 1 - axis]), qa, numba.int64(grid[q, 1 - axis])


@subroutine
def _mark(grid: Array, faces: Array, e: Any, axis: Any, marks: Array) -> None:
    """Sets the axis' bit in the first of each two pixels between whose centres an edge passes."""
    pa, pc, qa, qc = _line_of(grid, faces, e, axis)
    lines, places = marks.shape[axis], marks.shape[1 - axis]
    beside = max(pa, qa) < 0 or min(pa, qa) > places * SUBPIXELS
    if (
        beside
        or not _is_steep(pa, pc, qa, qc, axis)
        or pc == _NOT_RASTERIZABLE
        or min(pa, qa) == _NOT_RASTERIZABLE
    ):
        return
    first = max((pc + _HALF_PIXEL - 1) >> SUBPIXEL_BITS, 0)
    last = min((qc - _HALF_PIXEL - 1) >> SUBPIXEL_BITS, lines - 1)
    dc = qc - pc
    for line in range(first, last + 1):
        across = line * SUBPIXELS + _HALF_PIXEL
        crossing = (pa - _HALF_PIXEL) * dc + (across - pc) * (qa - pa)
        place = crossing // (dc * SUBPIXELS)
        on_centre = crossing == place * dc * SUBPIXELS
        for at in range(place - on_centre, place + 1):
            if 0 <= at < places - 1:
                y, x = (line, at) if axis == 0 else (at, line)
                marks[y, x] |= 1 << axis


@subroutine
def _is_steep(pa: Any, pc: Any, qa: Any, qc: Any, axis: Any) -> bool:
    """Whether an edge blends pixels along this axis: edges at 45 degrees do so along rows."""
    length, height = abs(qa - pa), qc - pc
    return height > length if axis == 1 else height >= length


@subroutine
def _part(
    grid: Array, faces: Array, twins: Array, turns: Array, pair: Any, place: Any, line: Any, axis: Any,
    edges: Array, shares: Array,
) -> None:  # fmt: skip
    """Finds the edge between a pixel and its next along the axis, and the share it causes."""
    real = shares.dtype.type
    across = numba.int64(line * SUBPIXELS + _HALF_PIXEL)
    centre = numba.int64(place * SUBPIXELS + _HALF_PIXEL)
    ahead = _walk(grid, faces, twins, turns, pair[0], across, centre + SUBPIXELS, axis, True)
    back = _walk(grid, faces, twins, turns, pair[1], across, centre, axis, False)
    edge = ahead if ahead >= 0 and (pair[2] or back < 0) else back
    if edge < 0:
        return
    pa, pc, qa, qc = _line_of(grid, faces, edge, axis)
    if not _is_steep(pa, pc, qa, qc, axis):
        return
    border = centre + _HALF_PIXEL
    edges[axis] = edge
    shares[axis] = real((border - pa) * (qc - pc) - (across - pc) * (qa - pa)) / real((qc - pc) * SUBPIXELS)


@subroutine
def _walk(
    grid: Array, faces: Array, twins: Array, turns: Array, face: Any, across: Any, target: Any, axis: Any,
    forward: bool,
) -> Any:  # fmt: skip
    """Edge at which the surface ends on the way from a triangle to the target; -1 if it does not before."""
    if face < 0:
        return numba.int64(-1)
    turn = numba.int64(turns[face])
    # Areas in (along, across) have the other sign for columns.
    descending = forward == ((turn > 0) == (axis == 0))
    edge = numba.int64(-1)
    for k in range(3):
        start, end = grid[faces[face, k], 1 - axis], grid[faces[face, _NEXT[k]], 1 - axis]
        if (start > across) != (end > across) and (end > start) == descending:
            edge = 4 * face + k
    for _ in range(LONGEST_WALK):
        pa, pc, qa, qc = _line_of(grid, faces, edge, axis)
        beyond = (pa - target) * (qc - pc) + (across - pc) * (qa - pa)
        is_beyond = beyond > 0 or (axis == 1 and beyond == 0 and qa > pa)
        if is_beyond == forward:
            return numba.int64(-1)
        twin = twins[edge >> 2, edge & 3]
        face = twin >> 2
        if twin < 0 or turns[face] == 2:
            return edge
        turn *= _wound_alike(faces, edge, twin)
        if turns[face] * turn < 0:
            return edge
        following = _NEXT[twin & 3]
        end = grid[faces[face, following], 1 - axis] > across
        opposite = grid[faces[face, _NEXT[following]], 1 - axis] > across
        edge = 4 * face + (following if end != opposite else _NEXT[following])
    return numba.int64(-1)
