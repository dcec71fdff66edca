"""3D morphable models: the contract, coefficients, landmarks, readers and the default model."""

from functools import cache

from monoface.core.assets import asset_path
from monoface.facemodel.coefficients import CoefficientLayout, FaceCoefficients
from monoface.facemodel.data import Correctives, EyeJoint, FaceModelData
from monoface.facemodel.ict import read_ict_facekit
from monoface.facemodel.landmarks import LandmarkSet
from monoface.facemodel.model import FaceModel
from monoface.facemodel.point_basis import PointBasis
from monoface.facemodel.storage import load_face_model_data, save_face_model

__all__ = [
    "CoefficientLayout",
    "Correctives",
    "EyeJoint",
    "FaceCoefficients",
    "FaceModel",
    "FaceModelData",
    "LandmarkSet",
    "PointBasis",
    "load_default_model",
    "load_face_model_data",
    "read_ict_facekit",
    "save_face_model",
]


@cache
def load_default_model() -> FaceModel:
    """The face model that ships with monoface, read once a process.

    Raises:
        AssetError: If the shipped file is missing or damaged.
    """
    return FaceModel(load_face_model_data(asset_path("face_model.safetensors")))
