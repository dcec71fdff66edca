"""Folded and degenerate triangles of a mesh in many shapes: found, and removed by small edits."""

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.modelling.mesh.seamed import (
    DecimatedFaces,
    Edit,
    EditableMesh,
    SeamedMesh,
    cross_of,
    point_normals,
)

# A triangle is flat when twice its area is less than this times its longest edge, squared.
_FLAT = 2e-3
# A triangle is folded when its normal makes more than 88 degrees with the surface around it.
_FOLDED_COSINE = 0.035
_ROUNDS = 6
_FIRST_STEPS = 12
_SMOOTHINGS = 12


def folded(
    places: Float[np.ndarray, "shapes points 3"],
    faces: Int[np.ndarray, "faces 3"],
    around: Int[np.ndarray, "more_faces 3"],
) -> Bool[np.ndarray, "shapes faces"]:
    """Which triangles are folded over or flat in which shape.

    A triangle is folded when its normal points against the sum of the unit normals at its corners.

    Args:
        places: Points in each shape.
        faces: The triangles in question.
        around: All triangles around their corners, themselves included, which make the normals.
    """
    corners = places[:, faces]
    cross = cross_of(corners)
    surface = point_normals(places, around)[:, faces].sum(axis=-2)
    surface /= np.maximum(np.linalg.norm(surface, axis=-1, keepdims=True), 1e-12)
    double_area = np.linalg.norm(cross, axis=-1)
    longest = ((corners - np.roll(corners, 1, axis=-2)) ** 2).sum(axis=-1).max(axis=-1)
    return ((cross * surface).sum(-1) <= _FOLDED_COSINE * double_area) | (double_area < _FLAT * longest)


def unfold(mesh: SeamedMesh, decimated: DecimatedFaces) -> DecimatedFaces:
    """Remove folded and flat triangles, as far as points that must stay allow.

    Of all flips and merges of the edges at such a triangle, the one is done that leaves the fewest folds in
    the neighbourhood, summed over all shapes, if that is fewer than before; failing that, two in a row.
    """
    work = EditableMesh(mesh, decimated, mesh.fixed)
    for _ in range(_ROUNDS):
        rows = np.nonzero(work.alive)[0]
        left = work.faces[rows]
        bad = rows[folded(mesh.shapes_mm, left, left).any(axis=0)]
        improved = [_improve(work, int(row)) for row in bad if work.alive[row]]
        if not any(improved):
            break
    return work.left()


def smoothed_offsets(
    mean: Float[np.ndarray, "verts 3"],
    offsets: Float[np.ndarray, "shapes verts 3"],
    faces: Int[np.ndarray, "faces 3"],
) -> Float[np.ndarray, "shapes verts 3"]:
    """Offsets of shapes, changed just where triangles are folded and no edit could help.

    In each shape the corners of folded triangles, later also the vertices around them, move half way to
    the mean of their neighbours, until none is folded or `_SMOOTHINGS` times.

    Args:
        mean: Vertices that the offsets belong to, in millimetres.
        offsets: Added to the mean, each makes a shape.
        faces: Triangles, over vertices welded along seams.
    """
    shapes = mean + offsets
    around = _neighbour_lists(faces)
    for places in shapes:
        for step in range(_SMOOTHINGS):
            corners = np.unique(faces[folded(places[None], faces, faces)[0]]).tolist()
            if not corners:
                break
            if step >= _SMOOTHINGS // 3:
                corners = sorted({near for point in corners for near in around[point]})
            places[corners] = [(places[point] + places[around[point]].mean(axis=0)) / 2 for point in corners]
    return shapes - mean


def _neighbour_lists(faces: np.ndarray) -> dict[int, list[int]]:
    edges = np.concatenate((faces[:, :2], faces[:, 1:], faces[:, ::2]))
    around: dict[int, set[int]] = {}
    for one, two in edges.tolist():
        around.setdefault(one, set()).add(two)
        around.setdefault(two, set()).add(one)
    return {point: sorted(near) for point, near in around.items()}


def _improve(work: EditableMesh, row: int) -> bool:
    """Do the best edit, or the best two in a row where no single one helps."""
    ranked = _ranked(work, row)
    if ranked and ranked[0][0] > 0:
        work.apply(ranked[0][1])
        return True
    for gain, first in ranked[:_FIRST_STEPS]:
        back = work.apply(first)
        second = _ranked(work, row if work.alive[row] else int(first.rows[0]))
        if second and gain + second[0][0] > 0:
            work.apply(second[0][1])
            return True
        work.apply(back)
    return False


def _ranked(work: EditableMesh, row: int) -> list[tuple[int, Edit]]:
    gains = [(_gain(work, edit), edit) for edit in _edits_at(work, row)]
    return sorted(gains, key=lambda entry: -entry[0])


def _edits_at(work: EditableMesh, row: int) -> list[Edit]:
    corners = work.faces[row].tolist()
    near = sorted({r for point in corners for r in work.around[point]})
    edits = [work.flipping(r, corner) for r in near for corner in range(3)]
    edits += [work.merging(one, two) for one in corners for two in sorted(work.neighbours(one))]
    edits += [
        work.merging(two, one) for one in corners for two in sorted(work.neighbours(one) - set(corners))
    ]
    return [edit for edit in edits if edit is not None]


def _gain(work: EditableMesh, edit: Edit) -> int:
    """By how many an edit lessens the folds around it."""
    touched = [*edit.rows.tolist(), *edit.gone]
    ring = _grown(work, touched)
    wide = _grown(work, ring)
    changed = dict(zip(edit.rows.tolist(), edit.faces.tolist(), strict=True))
    stay, wide_stay = ([row for row in rows if row not in edit.gone] for rows in (ring, wide))
    before = _count(work, ring, wide, {})
    after = _count(work, stay, wide_stay, changed)
    return before - after


def _grown(work: EditableMesh, rows: list[int]) -> list[int]:
    points = np.unique(work.faces[rows]).tolist()
    return sorted({row for point in points for row in work.around[point]})


def _count(work: EditableMesh, ring: list[int], wide: list[int], changed: dict[int, list[int]]) -> int:
    """Folds among the triangles of a ring, with normals from a wider one, summed over the shapes."""
    faces, around = (np.array([changed.get(row, work.faces[row]) for row in rows]) for rows in (ring, wide))
    points, local = np.unique(around, return_inverse=True)
    number = dict(zip(points.tolist(), range(len(points)), strict=True))
    local_faces = np.array([[number[point] for point in corners] for corners in faces.tolist()])
    return int(folded(work.mesh.shapes_mm[:, points], local_faces, local.reshape(-1, 3)).sum())
