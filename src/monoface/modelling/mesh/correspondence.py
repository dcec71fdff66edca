"""Which point of one mesh is which point of another, when both deform alike."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from monoface.facemodel.data import FaceModelData

_TELLING = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight")
_NEAREST_VERTICES = 6


@dataclass(frozen=True)
class MeshPoints:
    """Points on the triangles of a mesh.

    Attributes:
        corners: Vertices of each point's triangle.
        weight: Their weights, not negative, which sum to 1.
    """

    corners: Int[np.ndarray, "points 3"]
    weight: Float[np.ndarray, "points 3"]

    def take(self, values: Float[np.ndarray, "*batch verts 3"]) -> Float[np.ndarray, "*batch points 3"]:
        """Values interpolated at the points."""
        return (values[..., self.corners, :] * self.weight[:, :, None]).sum(axis=-2)


def closest_points(
    queries: Float[np.ndarray, "points dims"],
    verts: Float[np.ndarray, "verts dims"],
    faces: Int[np.ndarray, "faces 3"],
) -> MeshPoints:
    """Closest points of a surface in a space of any dimension.

    With the coordinates of several shapes of a mesh side by side, the same material point is found even
    where parts of the surface touch in one of the shapes. Only triangles around the vertices nearest to a
    query are looked at, which is exact where triangles are not much longer than wide.
    """
    from scipy.spatial import cKDTree  # Of the extra `facemodel`.

    used = np.unique(faces)
    _, nearest = cKDTree(verts[used]).query(queries, k=min(_NEAREST_VERTICES, len(used)))
    around: dict[int, list[int]] = {}
    for row, corners in enumerate(faces.tolist()):
        for corner in corners:
            around.setdefault(corner, []).append(row)
    candidates = [
        sorted({f for v in used[np.atleast_1d(row)].tolist() for f in around[v]}) for row in nearest
    ]
    owner = np.repeat(np.arange(len(queries)), [len(rows) for rows in candidates])
    triangle = np.concatenate(candidates)
    weight = closest_weights(queries[owner], verts[faces[triangle]])
    distance = np.linalg.norm(
        (verts[faces[triangle]] * weight[:, :, None]).sum(axis=1) - queries[owner], axis=1
    )
    order = np.lexsort((distance, owner))
    _, first = np.unique(owner[order], return_index=True)
    best = order[first]
    return MeshPoints(faces[triangle[best]], weight[best])


def shapes_side_by_side(data: FaceModelData) -> Float[np.ndarray, "verts 12"]:
    """The mean and shapes that tell lips and lids apart, where they touch in the mean, in millimetres."""
    mean = data.mean_mm.double()
    rows = [data.expression_basis_mm[data.expression_names.index(name)].double() for name in _TELLING]
    return torch.cat((mean, *(mean + row for row in rows)), dim=-1).numpy()


def skin_points(
    source: FaceModelData, model: FaceModelData, vertices: Int[np.ndarray, " points"]
) -> MeshPoints:
    """The points of a model's skin that correspond to vertices of the model it was made from."""
    skin = model.face_part == model.part_names.index("skin")
    welded = model.weld[model.faces[skin]].numpy()
    return closest_points(shapes_side_by_side(source)[vertices], shapes_side_by_side(model), welded)


def closest_weights(
    queries: Float[np.ndarray, "points dims"], corners: Float[np.ndarray, "points 3 dims"]
) -> Float[np.ndarray, "points 3"]:
    """Barycentric weights of the point of each triangle that is closest to its query.

    Degenerate triangles are taken as their edges.
    """
    best = np.zeros((len(queries), 3))
    best_distance = np.full(len(queries), np.inf)
    for weight in (_plane_weights(queries, corners), *_edge_weights(queries, corners)):
        distance = np.linalg.norm((corners * weight[:, :, None]).sum(axis=1) - queries, axis=1)
        better = (weight.min(axis=1) >= 0) & (distance < best_distance)
        best[better], best_distance[better] = weight[better], distance[better]
    return best


def _plane_weights(queries: np.ndarray, corners: np.ndarray) -> np.ndarray:
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    toward = queries - corners[:, 0]
    a, b, c = ((x * y).sum(axis=1) for x, y in ((first, first), (first, second), (second, second)))
    d, e = (first * toward).sum(axis=1), (second * toward).sum(axis=1)
    determinant = a * c - b * b
    fine = determinant > 1e-12 * a * c
    divisor = np.where(fine, determinant, 1)
    u, v = (c * d - b * e) / divisor, (a * e - b * d) / divisor
    return np.where(fine[:, None], np.stack((1 - u - v, u, v), axis=1), -1.0)


def _edge_weights(queries: np.ndarray, corners: np.ndarray) -> list[np.ndarray]:
    weights = []
    for start, end in ((0, 1), (1, 2), (2, 0)):
        edge = corners[:, end] - corners[:, start]
        squared = np.maximum((edge * edge).sum(axis=1), 1e-18)
        along = np.clip(((queries - corners[:, start]) * edge).sum(axis=1) / squared, 0, 1)
        weight = np.zeros((len(queries), 3))
        weight[:, start], weight[:, end] = 1 - along, along
        weights.append(weight)
    return weights
