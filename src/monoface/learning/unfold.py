"""Folded and degenerate triangles of a mesh in many shapes: found, and removed by small edits."""

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.learning.seamed import DecimatedFaces, Edit, EditableMesh, SeamedMesh, cross_of, point_normals

# A triangle is flat when twice its area is less than this times its longest edge, squared.
_FLAT = 2e-3
# A triangle is folded when its normal makes more than 88 degrees with the surface around it.
_FOLDED_COSINE = 0.035
_ROUNDS = 6
_FIRST_STEPS = 12


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
    before = _count(work, ring, wide, {})
    after = _count(
        work, [r for r in ring if r not in edit.gone], [r for r in wide if r not in edit.gone], changed
    )
    return before - after


def _grown(work: EditableMesh, rows: list[int]) -> list[int]:
    points = np.unique(work.faces[rows]).tolist()
    return sorted({row for point in points for row in work.around[point]})


def _count(work: EditableMesh, ring: list[int], wide: list[int], changed: dict[int, list[int]]) -> int:
    faces, around = (np.array([changed.get(row, work.faces[row]) for row in rows]) for rows in (ring, wide))
    points, local = np.unique(around, return_inverse=True)
    number = dict(zip(points.tolist(), range(len(points)), strict=True))
    local_faces = np.array([[number[point] for point in corners] for corners in faces.tolist()])
    return int(folded(work.mesh.shapes_mm[:, points], local_faces, local.reshape(-1, 3)).sum())
