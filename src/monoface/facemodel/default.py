"""The face model that ships with monoface."""

from copy import deepcopy
from functools import cache

from monoface.core.assets import asset_path
from monoface.facemodel.data import FaceModelData
from monoface.facemodel.model import FaceModel
from monoface.facemodel.storage import load_face_model_data


def load_default_model() -> FaceModel:
    """The shipped face model. Its file is read once a process; every call gives a model of its own.

    Raises:
        AssetError: If the shipped file is missing or damaged.
    """
    return FaceModel(deepcopy(_shipped_data()))


@cache
def _shipped_data() -> FaceModelData:
    return load_face_model_data(asset_path("face_model.safetensors"))
