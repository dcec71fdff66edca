"""A triangle mesh with texture seams that can be edited by merging points and flipping edges."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True)
class SeamedMesh:
    """A triangle mesh whose corners carry texture wedges, with everything decimation has to respect.

    A point is a place on the surface; a wedge is a point with one texture coordinate. Along a seam a
    point has several wedges.

    Attributes:
        faces: Point of each corner.
        wedges: Wedge of each corner.
        wedge_uv: Texture coordinate of each wedge.
        embedding: Points in the space where error is measured: position, then modes of deformation.
        shapes_mm: Positions in every shape that must stay free of folds; the first is the neutral one.
        normals: Unit normals of the undecimated surface in these shapes.
        fixed: Points that stay.
        loop: Points of closed curves that stay whole; only to undo folds they merge with each other.
        line: Points that may only slide along the mesh's border to other such points (a mirror plane).
        part: Points merge within a part only.
    """

    faces: Int[np.ndarray, "faces 3"]
    wedges: Int[np.ndarray, "faces 3"]
    wedge_uv: Float[np.ndarray, "wedges 2"]
    embedding: Float[np.ndarray, "points dims"]
    shapes_mm: Float[np.ndarray, "shapes points 3"]
    normals: Float[np.ndarray, "shapes points 3"]
    fixed: Bool[np.ndarray, " points"]
    loop: Bool[np.ndarray, " points"]
    line: Bool[np.ndarray, " points"]
    part: Int[np.ndarray, " points"]


@dataclass(frozen=True)
class DecimatedFaces:
    """Triangles over the points and wedges of a `SeamedMesh` that are left."""

    faces: Int[np.ndarray, "faces 3"]
    wedges: Int[np.ndarray, "faces 3"]


@dataclass(frozen=True)
class Edit:
    """A change of a few triangles that keeps the surface a manifold and its seams closed.

    Attributes:
        rows: Triangles that change.
        faces: Their new points.
        wedges: Their new wedges.
        gone: Triangles that vanish.
    """

    rows: Int[np.ndarray, " rows"]
    faces: Int[np.ndarray, "rows 3"]
    wedges: Int[np.ndarray, "rows 3"]
    gone: tuple[int, ...]


class EditableMesh:
    """The connectivity of a `SeamedMesh` while it is being edited.

    Attributes:
        faces: Points of all triangles, also of those that have vanished.
        wedges: Their wedges.
        alive: Which triangles there still are.
        around: For each point the triangles around it.
    """

    def __init__(self, mesh: SeamedMesh, faces: DecimatedFaces, locked: Bool[np.ndarray, " points"]) -> None:
        self.mesh = mesh
        self.locked = locked
        self.faces = faces.faces.copy()
        self.wedges = faces.wedges.copy()
        self.alive = np.ones(len(self.faces), dtype=bool)
        self.around: list[set[int]] = [set() for _ in mesh.part]
        for row, corners in enumerate(self.faces.tolist()):
            for point in corners:
                self.around[point].add(row)

    def left(self) -> DecimatedFaces:
        """The triangles that there still are."""
        return DecimatedFaces(self.faces[self.alive], self.wedges[self.alive])

    def neighbours(self, point: int) -> set[int]:
        """Points that share an edge with a point."""
        return {int(p) for row in self.around[point] for p in self.faces[row]} - {point}

    def apply(self, edit: Edit) -> Edit:
        """Change the mesh; gives the edit that takes it back."""
        rows = np.array((*edit.rows.tolist(), *edit.gone), dtype=np.int64)
        inverse = Edit(rows, self.faces[rows], self.wedges[rows], ())
        for row in (*edit.gone, *edit.rows.tolist()):
            for point in self.faces[row].tolist():
                self.around[point].discard(row)
        self.faces[edit.rows], self.wedges[edit.rows] = edit.faces, edit.wedges
        self.alive[edit.rows] = True
        self.alive[list(edit.gone)] = False
        for row, corners in zip(edit.rows.tolist(), edit.faces.tolist(), strict=True):
            for point in corners:
                self.around[point].add(row)
        return inverse

    def merging(self, source: int, target: int) -> Edit | None:
        """The edit that moves a point on to its neighbour; None where the mesh does not allow it."""
        if not self._may_merge(source, target):
            return None
        moves = self._wedge_moves(source, target)
        if moves is None:
            return None
        gone = self.around[source] & self.around[target]
        rows = np.array(sorted(self.around[source] - gone), dtype=np.int64)
        faces, wedges = self.faces[rows], self.wedges[rows]
        new_wedges = wedges.copy()
        for old, new in moves.items():
            new_wedges[wedges == old] = new
        edit = Edit(rows, np.where(faces == source, target, faces), new_wedges, tuple(sorted(gone)))
        return edit if self._keeps_uv_orientation(edit) else None

    def flipping(self, row: int, corner: int) -> Edit | None:
        """The edit that turns the edge opposite a triangle's corner; None where that is not allowed."""
        points, wedges = (np.roll(x[row], -corner - 1).tolist() for x in (self.faces, self.wedges))
        (a, b, c), (wa, wb, wc) = points, wedges
        across = sorted((self.around[a] & self.around[b]) - {row})
        if len(across) != 1:
            return None
        other = self.faces[across[0]].tolist()
        place = next(i for i, point in enumerate(other) if point not in (a, b))
        d, wd = other[place], int(self.wedges[across[0], place])
        one_chart = {wa, wb} <= set(self.wedges[across[0]].tolist())
        one_part = self._part(a, b, c) == self._part(a, b, d) == self._part(a, c, d) == self._part(b, c, d)
        on_loop = self.mesh.loop[a] and self.mesh.loop[b]
        if not (one_chart and one_part) or on_loop or self.around[c] & self.around[d]:
            return None
        rows = np.array((row, across[0]))
        edit = Edit(rows, np.array(((a, d, c), (d, b, c))), np.array(((wa, wd, wc), (wd, wb, wc))), ())
        return edit if self._keeps_uv_orientation(edit) else None

    def _part(self, *points: int) -> int:
        return int(self.mesh.part[list(points)].max())

    def _may_merge(self, source: int, target: int) -> bool:
        mesh = self.mesh
        if self.locked[source] or mesh.part[source] != mesh.part[target]:
            return False
        if (mesh.line[source] and not mesh.line[target]) or (mesh.loop[source] and not mesh.loop[target]):
            return False
        shared = self.around[source] & self.around[target]
        source_rim, target_rim = self._rim(source), self._rim(target)
        if source_rim and target not in source_rim:
            return False
        common = self.neighbours(source) & self.neighbours(target)
        if len(common) != len(shared) or len(self.around[source]) <= len(shared):
            return False
        # An inner point that merges with the border must not tie two stretches of border together.
        others = self.neighbours(source) - common - {target}
        if not source_rim and target_rim and any(self._rim(other) for other in others):
            return False
        return all(len(self.neighbours(point)) > 3 for point in common)

    def _rim(self, point: int) -> set[int]:
        """Neighbours along the mesh's border; none for inner points."""
        count: dict[int, int] = {}
        for row in self.around[point]:
            for other in self.faces[row].tolist():
                count[other] = count.get(other, 0) + 1
        return {other for other, rows in count.items() if rows == 1 and other != point}

    def _wedge_moves(self, source: int, target: int) -> dict[int, int] | None:
        """Which wedge of `target` each wedge of `source` becomes; None if a seam would tear."""
        moves: dict[int, int] = {}
        for row in self.around[source] & self.around[target]:
            corners = self.faces[row].tolist()
            old = int(self.wedges[row, corners.index(source)])
            new = int(self.wedges[row, corners.index(target)])
            if moves.setdefault(old, new) != new:
                return None
        used = {int(self.wedges[row, self.faces[row].tolist().index(source)]) for row in self.around[source]}
        return moves if used == moves.keys() else None

    def _keeps_uv_orientation(self, edit: Edit) -> bool:
        before = signed_areas(self.mesh.wedge_uv[self.wedges[edit.rows]])
        after = signed_areas(self.mesh.wedge_uv[edit.wedges])
        return bool((before * after > 0).all() and (np.abs(after) > 1e-8).all())


def cross_of(corners: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Normals of triangles, with twice their areas as length."""
    return np.cross(corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :])


def signed_areas(uv: Float[np.ndarray, "faces 3 2"]) -> Float[np.ndarray, " faces"]:
    """Signed areas of triangles in the plane."""
    first, second = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    return (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2


def point_normals(
    places: Float[np.ndarray, "shapes points 3"], faces: Int[np.ndarray, "faces 3"]
) -> Float[np.ndarray, "shapes points 3"]:
    """Unit normals at points in several shapes, weighted by area."""
    weighted = cross_of(places[:, faces]).swapaxes(0, 1)
    by_point = np.zeros_like(places).swapaxes(0, 1)
    for corner in range(3):
        np.add.at(by_point, faces[:, corner], weighted)
    normals = by_point.swapaxes(0, 1)
    return normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
