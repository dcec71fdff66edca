"""Decimation by half-edge collapse, so that what is left is a subset of the vertices that were there.

Libraries for this (pyfqmr, meshoptimizer, libigl) place merged vertices freely or know neither several
shapes of one mesh nor texture seams. Here a kept vertex stays where it was, so every mode and expression
of a morphable model is sampled exactly; the cost counts the error in all of them at once; and a collapse
that would flip a triangle in any expression, or in the texture, does not happen.

Reference:
    Garland and Heckbert, "Simplifying Surfaces with Color and Texture using Quadric Error Metrics",
    Visualization 1998: the quadric of a triangle in a space of any dimension. We use the modes of
    deformation as attributes, and collapse onto end points only.
"""

import heapq
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from monoface.modelling.mesh.seamed import DecimatedFaces, EditableMesh, SeamedMesh, cross_of

# A new triangle's normal may turn by up to 80 degrees from the surface's in any shape, and from that of
# the triangle it replaces in the neutral one.
_MIN_COSINE = 0.17
# Quality is 1 for equilateral triangles and 0 for slivers.
_MIN_QUALITY = 0.08
_MIN_AREA_MM2 = 0.01


def decimate(mesh: SeamedMesh, targets: Mapping[int, int]) -> DecimatedFaces:
    """Merge neighbouring points, cheapest first, until each part has at most its target of points.

    A part whose remaining collapses would all fold the surface, pinch it or tear a seam keeps more. How the
    outline of an open border changes is not measured: fix its points, or let them slide along a line.

    Args:
        mesh: The mesh, in millimetres.
        targets: Number of points to keep in each part; parts that are not named stay whole.
    """
    work = EditableMesh(mesh, DecimatedFaces(mesh.faces, mesh.wedges), mesh.fixed | mesh.loop)
    costs = _Costs(mesh)
    used = [point for point, rows in enumerate(work.around) if rows]
    counts = dict(zip(*np.unique(mesh.part[used], return_counts=True), strict=True))
    heap = [costs.entry(source, target) for source in used for target in sorted(work.neighbours(source))]
    heapq.heapify(heap)
    while heap:
        _, source_age, target_age, source, target = heapq.heappop(heap)
        part = int(mesh.part[source])
        outdated = (costs.age[source], costs.age[target]) != (source_age, target_age)
        if outdated or counts[part] <= targets.get(part, len(used)):
            continue
        edit = work.merging(source, target)
        if edit is None or not _is_sound(mesh, work.faces[edit.rows], edit.faces):
            continue
        work.apply(edit)
        costs.merge(source, target)
        counts[part] -= 1
        for other in sorted(work.neighbours(target)):
            heapq.heappush(heap, costs.entry(other, target))
            heapq.heappush(heap, costs.entry(target, other))
    return work.left()


def triangle_quadrics(
    corners: Float[np.ndarray, "faces 3 dims"],
) -> Float[np.ndarray, "faces dims_plus_one dims_plus_one"]:
    """Quadrics of squared distance to the planes of triangles, weighted by area.

    A quadric G acts on x~ = (x, 1): x~^T G x~ is the area times the squared distance of x to the plane.
    Degenerate triangles give zero.
    """
    origin = corners[:, 0]
    first = corners[:, 1] - origin
    length = np.linalg.norm(first, axis=-1, keepdims=True)
    e1 = first / np.maximum(length, 1e-12)
    second = corners[:, 2] - origin
    second = second - (second * e1).sum(-1, keepdims=True) * e1
    height = np.linalg.norm(second, axis=-1, keepdims=True)
    e2 = second / np.maximum(height, 1e-12)
    dims = corners.shape[-1]
    matrix = np.eye(dims) - e1[:, :, None] * e1[:, None] - e2[:, :, None] * e2[:, None]
    offset = -np.einsum("fij,fj->fi", matrix, origin)
    constant = np.einsum("fi,fi->f", origin, -offset)
    quadrics = np.empty((len(corners), dims + 1, dims + 1))
    quadrics[:, :dims, :dims] = matrix
    quadrics[:, :dims, dims] = quadrics[:, dims, :dims] = offset
    quadrics[:, dims, dims] = constant
    return quadrics * (length * height / 2)[:, :, None]


class _Costs:
    """What merging points costs, and how often each point has changed."""

    def __init__(self, mesh: SeamedMesh) -> None:
        self.age = np.zeros(len(mesh.part), dtype=np.int64)
        self.places = np.concatenate((mesh.embedding, np.ones((len(mesh.embedding), 1))), axis=1)
        quadrics = triangle_quadrics(mesh.embedding[mesh.faces])
        self.quadrics = np.zeros((len(mesh.part), *quadrics.shape[1:]))
        for corner in range(3):
            np.add.at(self.quadrics, mesh.faces[:, corner], quadrics)

    def entry(self, source: int, target: int) -> tuple[float, int, int, int, int]:
        """What a heap of candidates holds: cost, ages at which it was right, and the two points."""
        place = self.places[target]
        cost = float(place @ (self.quadrics[source] + self.quadrics[target]) @ place)
        return cost, int(self.age[source]), int(self.age[target]), source, target

    def merge(self, source: int, target: int) -> None:
        self.quadrics[target] += self.quadrics[source]
        self.age[[source, target]] += 1


def _is_sound(mesh: SeamedMesh, old: np.ndarray, new: np.ndarray) -> bool:
    cross = cross_of(mesh.shapes_mm[:, new])
    double_area = np.linalg.norm(cross, axis=-1)
    surface = mesh.normals[:, new].sum(axis=-2)
    surface /= np.maximum(np.linalg.norm(surface, axis=-1, keepdims=True), 1e-12)
    if (double_area < 2 * _MIN_AREA_MM2).any() or (
        (cross * surface).sum(-1) < _MIN_COSINE * double_area
    ).any():
        return False
    before = cross_of(mesh.shapes_mm[0, old])
    turned = (before * cross[0]).sum(-1) < _MIN_COSINE * np.linalg.norm(before, axis=-1) * double_area[0]
    return not turned.any() and bool((_quality(mesh.shapes_mm[0, new]) >= _MIN_QUALITY).all())


def _quality(corners: np.ndarray) -> np.ndarray:
    squared = ((corners - np.roll(corners, 1, axis=-2)) ** 2).sum(axis=(-1, -2))
    return 2 * np.sqrt(3) * np.linalg.norm(cross_of(corners), axis=-1) / np.maximum(squared, 1e-12)
