"""Neighbourhoods of the skin's vertices, over which what photos show is smoothed and filled in."""

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.facemodel.data import FaceModelData

# So many rings of vertices at the rim of the narrow face are filled in: hair often lies there.
_HAIR_RINGS = 6
# The same at the mouth: what lies inside shows teeth as often as lips.
_INNER_LIP_RINGS = 5
_SMOOTHING_STEPS = 3
_FADING_STEPS = 20
_FILL_STEPS = 400


class SkinMesh:
    """Which vertices of the skin photos tell about, and which are neighbours.

    Args:
        data: The face model.
        known: Vertices that enough photos show; those where hair or teeth are as likely do not count.

    Attributes:
        known: Vertices that count.
        area: Surface of each in square millimetres; zero where it does not count.
    """

    def __init__(self, data: FaceModelData, known: Bool[np.ndarray, " verts"]) -> None:
        from scipy.sparse import coo_matrix, diags  # Of the extra `facemodel`.

        weld = data.weld.numpy()
        faces = weld[data.faces[data.face_part == data.part_names.index("skin")].numpy()]
        edges = np.concatenate((faces[:, :2], faces[:, 1:], faces[:, ::2]))
        edges = np.unique(np.concatenate((edges, edges[:, ::-1])), axis=0)
        count = len(weld)
        ones = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count)).tocsr()
        degree = np.maximum(np.asarray(ones.sum(axis=1)).ravel(), 1)
        self._mean_of_neighbours = diags(1 / degree) @ ones
        self._weld = weld
        narrow = data.regions["narrow_face"].numpy()
        inside = np.zeros(count, dtype=bool)
        inside[weld[data.faces[data.face_part == data.part_names.index("mouth")].numpy()]] = True
        hair = self._grown(data.regions["skin"].numpy() & ~narrow, _HAIR_RINGS)
        self.known = known & narrow & ~hair & ~self._grown(inside, _INNER_LIP_RINGS)
        self.area = _vertex_area(data.mean_mm.double().numpy(), faces) * self.known

    def _grown(self, region: Bool[np.ndarray, " verts"], rings: int) -> Bool[np.ndarray, " verts"]:
        for _ in range(rings):
            region = region | (self._mean_of_neighbours @ region.astype(float) > 0)
        return region[self._weld]

    def fill(self, values: Float[np.ndarray, "verts 3"]) -> Float[np.ndarray, "verts 3"]:
        """Values where they are known; elsewhere what changes as slowly as possible between them."""
        start = np.where(self.known[:, None], values, values[self.known].mean(axis=0))
        filled = start
        for _ in range(_FILL_STEPS):
            filled = np.where(self.known[:, None], start, self._mean_of_neighbours @ filled)
        result: np.ndarray = filled[self._weld]
        return result

    def fade(self, values: Float[np.ndarray, "batch verts 3"]) -> Float[np.ndarray, "batch verts 3"]:
        """Values smoothed a little, and fading to zero away from where they are known."""
        flat = (values * self.known[:, None]).transpose(1, 0, 2).reshape(len(self.known), -1)
        for step in range(_SMOOTHING_STEPS + _FADING_STEPS):
            smooth = self._mean_of_neighbours @ flat
            inside = smooth if step < _SMOOTHING_STEPS else flat
            flat = np.where(self.known[:, None], (flat + inside) / 2, smooth)
        shape = (len(self.known), len(values), 3)
        result: np.ndarray = flat[self._weld].reshape(shape).transpose(1, 0, 2)
        return result


def _vertex_area(mean: np.ndarray, faces: Int[np.ndarray, "faces 3"]) -> Float[np.ndarray, " verts"]:
    corners = mean[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6
    total = np.zeros(len(mean))
    for corner in range(3):
        np.add.at(total, faces[:, corner], area)
    return total
