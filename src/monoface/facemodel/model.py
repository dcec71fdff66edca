"""The face model in PyTorch, for training: a 3DMM with named parts, regions, landmarks and turning eyes."""

import torch
from torch import Tensor, nn

from monoface.core.arrays import in_numpy
from monoface.facemodel.data import Correctives, FaceModelData
from monoface.facemodel.formulas.linear_model import LinearFaceModel
from monoface.facemodel.formulas.numpy_model import NumpyFaceModel
from monoface.facemodel.landmarks import LandmarkSet
from monoface.facemodel.point_basis import PointBasis


class FaceModel(LinearFaceModel[Tensor], nn.Module):
    """3D morphable model in PyTorch; see `LinearFaceModel`.

    Bases are buffers, so the model moves with `.to(device)`; `data` keeps what is no tensor of the forward
    computation.
    """

    def __init__(self, data: FaceModelData) -> None:
        super().__init__()
        self.data = data
        names = ("mean_mm", "identity_basis_mm", "expression_basis_mm", "albedo_mean", "albedo_basis")
        for name in names:
            self.register_buffer(name, getattr(data, name).float(), persistent=False)
        for name in ("faces", "uv", "weld"):
            self.register_buffer(name, getattr(data, name), persistent=False)
        extra = data.correctives or _no_correctives(len(data.identity_basis_mm))
        self.register_buffer("corrected", extra.expression, persistent=False)
        self.register_buffer("corrective_verts", extra.verts, persistent=False)
        self.register_buffer("corrective_mm", extra.offsets_mm.float(), persistent=False)

    def subset(self, points: LandmarkSet) -> PointBasis:
        """The model reduced to a few points, for losses that need no whole mesh."""
        mean, identity, expression, corrected, corrective = self._bases_at(points.to(self.mean_mm.device))
        return PointBasis(mean, identity, expression, corrected, corrective, bounded=self.bounded)

    def in_numpy(self) -> NumpyFaceModel:
        """The same model in numpy, which shares its memory if it can."""
        return NumpyFaceModel(in_numpy(self.data))


def _no_correctives(identity_size: int) -> Correctives:
    nothing = torch.zeros(0, dtype=torch.long)
    return Correctives(nothing, nothing, torch.zeros(0, identity_size, 0, 3))
