"""The face model in numpy, for inference."""

import numpy as np

from monoface.facemodel.data import FaceModelData
from monoface.facemodel.formulas.linear_model import LinearFaceModel
from monoface.facemodel.formulas.linear_points import NumpyPoints
from monoface.facemodel.landmarks import LandmarkSet

_FLOATS = ("mean_mm", "identity_basis_mm", "expression_basis_mm", "albedo_mean", "albedo_basis")
_OTHERS = ("faces", "uv", "weld")


class NumpyFaceModel(LinearFaceModel[np.ndarray]):
    """3D morphable model in numpy; see `LinearFaceModel`.

    Args:
        data: In numpy.
    """

    def __init__(self, data: FaceModelData) -> None:
        self.data = data
        for name in _FLOATS:
            setattr(self, name, getattr(data, name).astype(np.float32, copy=False))
        for name in _OTHERS:
            setattr(self, name, getattr(data, name))
        extra, nothing = data.correctives, np.zeros(0, np.int64)
        self.corrected = nothing if extra is None else extra.expression
        self.corrective_verts = nothing if extra is None else extra.verts
        none = np.zeros((0, self.identity_size, 0, 3), np.float32)
        self.corrective_mm = none if extra is None else extra.offsets_mm.astype(np.float32, copy=False)

    def in_numpy(self) -> "NumpyFaceModel":
        """Itself; see `FaceModel.in_numpy`."""
        return self

    def subset(self, points: LandmarkSet) -> NumpyPoints:
        """The model reduced to a few points."""
        mean, identity, expression, corrected, corrective = self._bases_at(points)
        if corrective is None:
            corrective = np.zeros((0, self.identity_size, len(points), 3), np.float32)
        return NumpyPoints(mean, identity, expression, corrected, corrective, bounded=self.bounded)
