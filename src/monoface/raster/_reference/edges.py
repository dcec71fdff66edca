"""The definition of `antialias`, in plain PyTorch: readable, on any device, not fast.

Pixels are compared along rows, then along columns. `along` is the coordinate in which two compared pixels
differ and `across` the one they share; all decisions are made in integers, on the rasteriser's grid. As
there, points on an edge belong to one side of it: pixel centres count as if moved a very little to the
right, and by the square of that down.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from monoface.raster._adjacency import edge_twins
from monoface.raster._grid import Snap, TakeValue, edge_function, is_rasterizable, to_grid
from monoface.raster._precision import SUBPIXELS
from monoface.raster.fragments import Fragments

LONGEST_WALK = 64
"""Triangles that a walk from one pixel centre to the next visits at most."""


def antialias(image: Tensor, verts_px: Tensor, faces: Tensor, fragments: Fragments) -> Tensor:
    """See `monoface.raster.antialias`."""
    twins = edge_twins(faces)
    rows = _shares(verts_px, faces, twins, fragments.face_index, fragments.depth, columns=False)
    columns = _shares(
        verts_px.index_select(2, torch.tensor((1, 0, 2), device=verts_px.device)),
        faces,
        twins,
        fragments.face_index.transpose(1, 2),
        fragments.depth.transpose(1, 2),
        columns=True,
    ).transpose(1, 2)
    return blend(image, rows, columns)


def blend(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Adds shares of the right, left, lower and upper neighbours' colours; together at most all of them."""
    zero = rows.new_zeros(())
    pad = torch.nn.functional.pad
    shares = (
        pad(torch.where(rows >= 0, rows, zero), (0, 1)),
        pad(torch.where(rows < 0, -rows, zero), (1, 0)),
        pad(torch.where(columns >= 0, columns, zero), (0, 0, 0, 1)),
        pad(torch.where(columns < 0, -columns, zero), (0, 0, 1, 0)),
    )
    neighbours = (
        pad(image[:, :, 1:], (0, 0, 0, 1)),
        pad(image[:, :, :-1], (0, 0, 1, 0)),
        pad(image[:, 1:], (0, 0, 0, 0, 0, 1)),
        pad(image[:, :-1], (0, 0, 0, 0, 1, 0)),
    )
    total = ((shares[0] + shares[1]) + shares[2]) + shares[3]
    scale = torch.where(total > 1, 1 / total.clamp_min(1), torch.ones_like(total))
    change = torch.zeros_like(image)
    for share, neighbour in zip(shares, neighbours, strict=True):
        change = change + (share * scale)[..., None] * (neighbour - image)
    return image + change


def _shares(
    verts: Tensor, faces: Tensor, twins: Tensor, face_index: Tensor, depth: Tensor, *, columns: bool
) -> Tensor:
    """What each pixel takes of the next one's colour; negative what the next takes of its."""
    with torch.no_grad():
        batch, line, place, edge = _silhouettes(verts, faces, twins, face_index, depth, columns)
    start, end = _ends(faces, edge)
    across = line * SUBPIXELS + SUBPIXELS // 2
    border = (place + 1) * SUBPIXELS
    p, q = verts[batch, start], verts[batch, end]
    exact = _distance(to_grid(p[:, :2]), to_grid(q[:, :2]), across, border, verts.dtype)
    real_across, real_border = across.to(verts.dtype), border.to(verts.dtype)
    smooth = _distance(
        Snap.apply(p[:, :2]) * SUBPIXELS,
        Snap.apply(q[:, :2]) * SUBPIXELS,
        real_across,
        real_border,
        verts.dtype,
    )
    shares = verts.new_zeros((*face_index.shape[:2], face_index.shape[2] - 1))
    return shares.index_put((batch, line, place), TakeValue.apply(smooth, exact))


def _distance(p: Tensor, q: Tensor, across: Tensor, border: Tensor, dtype: torch.dtype) -> Tensor:
    """Signed distance in pixels, along a line, from its crossing with the edge from p to q to the border."""
    (pa, pc), (qa, qc) = p.unbind(dim=-1), q.unbind(dim=-1)
    # Signed so that the quotient's divisor is positive, whichever way the edge leads.
    sign = (qc - pc).detach().sign()
    scaled = (border - pa) * (qc - pc) - (across - pc) * (qa - pa)
    return (sign * scaled).to(dtype) / (sign * (qc - pc) * SUBPIXELS).to(dtype)


def _silhouettes(
    verts: Tensor, faces: Tensor, twins: Tensor, face_index: Tensor, depth: Tensor, columns: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pairs of neighbours (batch, line and first place) between which a sheet ends, and its last edge."""
    batch, line, place = (face_index[..., :-1] != face_index[..., 1:]).nonzero(as_tuple=True)
    pairs = batch, line, place
    mesh = _Mesh(to_grid(verts[..., :2]), is_rasterizable(verts, perspective=False), faces, twins, columns)
    across = line * SUBPIXELS + SUBPIXELS // 2
    centre = place * SUBPIXELS + SUBPIXELS // 2
    ahead = _walk(mesh, batch, face_index[pairs], across, centre + SUBPIXELS, forward=True)
    back = _walk(mesh, batch, face_index[batch, line, place + 1], across, centre, forward=False)
    # If both sheets end, the nearer one hides the other.
    first_is_nearer = depth[pairs] <= depth[batch, line, place + 1]
    edge = torch.where((ahead >= 0) & (first_is_nearer | (back < 0)), ahead, back)
    start, end = _ends(faces, edge)
    length = (mesh.grid[batch, end] - mesh.grid[batch, start]).abs()
    steep = length[:, 1] > length[:, 0] if columns else length[:, 1] >= length[:, 0]
    kept = (edge >= 0) & steep
    return batch[kept], line[kept], place[kept], edge[kept]


@dataclass(frozen=True)
class _Mesh:
    """What walks see: vertices on the grid (along, across), and how triangles are connected."""

    grid: Tensor
    rasterizable: Tensor
    faces: Tensor
    twins: Tensor
    columns: bool


def _walk(
    mesh: _Mesh, batch: Tensor, face: Tensor, across: Tensor, target: Tensor, *, forward: bool
) -> Tensor:
    """Edge at which the surface ends on the way from a triangle to the target; -1 if it does not before."""
    result = torch.full_like(face, -1)
    walker = (face >= 0).nonzero().squeeze(1)
    turn = _turn(mesh, batch[walker], face[walker])
    edge = _way_out(mesh, batch[walker], face[walker], across[walker], turn, forward)
    for _ in range(LONGEST_WALK):
        on = _is_beyond(mesh, batch[walker], edge, across[walker], target[walker]) != forward
        walker, edge, turn = walker[on], edge[on], turn[on]
        twin = mesh.twins[edge >> 2, edge & 3]
        next_face = twin.clamp_min(0) >> 2
        drawn = mesh.rasterizable[batch[walker][:, None], mesh.faces[next_face]].all(dim=-1)
        # Neighbours that are wound alike name their common edge in opposite directions.
        wound_alike = _ends(mesh.faces, twin.clamp_min(0))[0] == _ends(mesh.faces, edge)[1]
        turn = torch.where(wound_alike, turn, -turn)
        ends = (twin < 0) | ~drawn | (_turn(mesh, batch[walker], next_face) * turn < 0)
        result[walker[ends]] = edge[ends]
        walker, turn, twin = walker[~ends], turn[~ends], twin[~ends]
        if len(walker) == 0:
            break
        edge = _other_side(mesh, batch[walker], twin, across[walker])
    return result


def _ends(faces: Tensor, edge: Tensor) -> tuple[Tensor, Tensor]:
    """Vertices at which edges start and end."""
    face, corner = edge.clamp_min(0) >> 2, edge.clamp_min(0) & 3
    return faces[face, corner], faces[face, (corner + 1) % 3]


def _turn(mesh: _Mesh, batch: Tensor, face: Tensor) -> Tensor:
    """Sign of the areas of triangles in the picture."""
    return edge_function(*mesh.grid[batch[:, None], mesh.faces[face]].unbind(dim=1)).sign()


def _way_out(mesh: _Mesh, batch: Tensor, face: Tensor, across: Tensor, turn: Tensor, forward: bool) -> Tensor:
    """Edge through which a line leaves a triangle."""
    line = mesh.grid[batch[:, None], mesh.faces[face]][..., 1]
    past = line > across[:, None]
    descent = turn[:, None] * (line.roll(-1, dims=1) - line)
    leaves = (past != past.roll(-1, dims=1)) & ((descent > 0) if forward else (descent < 0))
    return 4 * face + leaves.to(torch.int64).argmax(dim=1)


def _other_side(mesh: _Mesh, batch: Tensor, entry: Tensor, across: Tensor) -> Tensor:
    """Edge through which a line leaves the triangle that it enters through another."""
    face, corner = entry >> 2, entry & 3
    following = 4 * face + (corner + 1) % 3
    end, opposite = _ends(mesh.faces, following)
    past = mesh.grid[batch, opposite, 1] > across
    return torch.where(past != (mesh.grid[batch, end, 1] > across), following, 4 * face + (corner + 2) % 3)


def _is_beyond(mesh: _Mesh, batch: Tensor, edge: Tensor, across: Tensor, target: Tensor) -> Tensor:
    """Whether a line crosses edges at more than the target's place along it."""
    start, end = _ends(mesh.faces, edge)
    (pa, pc), (qa, qc) = mesh.grid[batch, start].unbind(dim=-1), mesh.grid[batch, end].unbind(dim=-1)
    sign = (qc - pc).sign()
    beyond = sign * ((pa - target) * (qc - pc) + (across - pc) * (qa - pa))
    if mesh.columns:
        return (beyond > 0) | ((beyond == 0) & (sign * (qa - pa) > 0))
    return beyond > 0
