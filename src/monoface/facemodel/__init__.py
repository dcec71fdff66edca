"""3D morphable models: the contract, coefficients, landmarks, readers and the default model."""

from monoface.facemodel.coefficients import CoefficientLayout, FaceCoefficients
from monoface.facemodel.data import Correctives, EyeJoint, FaceModelData
from monoface.facemodel.default import face_model_file, load_default_model, open_face_model
from monoface.facemodel.ict import read_ict_facekit
from monoface.facemodel.landmarks import LandmarkSet
from monoface.facemodel.model import FaceModel
from monoface.facemodel.morphable_model import Landmarks, MorphableModel
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
    "Landmarks",
    "MorphableModel",
    "PointBasis",
    "face_model_file",
    "load_default_model",
    "load_face_model_data",
    "open_face_model",
    "read_ict_facekit",
    "save_face_model",
]
