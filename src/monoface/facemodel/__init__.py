"""3D morphable models: the contract, coefficients, landmarks, readers and the default model."""

from typing import TYPE_CHECKING

from monoface.core.on_demand import names_on_demand
from monoface.facemodel.coefficients import CoefficientLayout, FaceCoefficients, project_points
from monoface.facemodel.data import Correctives, EyeJoint, FaceModelData
from monoface.facemodel.default import face_model_file, load_default_model, open_face_model, open_numpy_model
from monoface.facemodel.formulas.linear_model import LinearFaceModel
from monoface.facemodel.formulas.linear_points import LinearPoints
from monoface.facemodel.formulas.numpy_model import NumpyFaceModel
from monoface.facemodel.landmarks import LandmarkSet
from monoface.facemodel.morphable_model import Landmarks, MorphableModel
from monoface.facemodel.storage import load_face_model_data, read_face_model_data, save_face_model

if TYPE_CHECKING:
    from monoface.facemodel.ict import read_ict_facekit
    from monoface.facemodel.model import FaceModel
    from monoface.facemodel.point_basis import PointBasis

__all__ = [
    "CoefficientLayout",
    "Correctives",
    "EyeJoint",
    "FaceCoefficients",
    "FaceModel",
    "FaceModelData",
    "LandmarkSet",
    "Landmarks",
    "LinearFaceModel",
    "LinearPoints",
    "MorphableModel",
    "NumpyFaceModel",
    "PointBasis",
    "face_model_file",
    "load_default_model",
    "load_face_model_data",
    "open_face_model",
    "open_numpy_model",
    "project_points",
    "read_face_model_data",
    "read_ict_facekit",
    "save_face_model",
]

# These need PyTorch.
__getattr__ = names_on_demand(
    __name__,
    {
        "FaceModel": "monoface.facemodel.model",
        "PointBasis": "monoface.facemodel.point_basis",
        "read_ict_facekit": "monoface.facemodel.ict",
    },
)
