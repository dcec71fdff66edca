"""The face model that an option names: the one that ships with monoface, or a file."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from monoface.core.arrays import in_torch
from monoface.core.assets import asset_path
from monoface.facemodel.data import FaceModelData
from monoface.facemodel.formulas.numpy_model import NumpyFaceModel
from monoface.facemodel.storage import load_face_model_data, read_face_model_data

if TYPE_CHECKING:
    from monoface.facemodel.model import FaceModel

FACE_MODEL_FILE = "face_model.safetensors"
"""The shipped face model."""


def load_default_model() -> "FaceModel":
    """The shipped face model in PyTorch. Its file is read once a process; each call gives a model of its own.

    Raises:
        AssetError: If the shipped file is missing or damaged.
    """
    from monoface.facemodel.model import FaceModel

    return FaceModel(in_torch(deepcopy(_shipped_data())))


def open_face_model(path: Path | None) -> "FaceModel":
    """The face model in PyTorch of a file that `save_face_model` wrote; without one, the shipped model.

    Raises:
        AssetError: If the shipped file is missing or damaged.
        ModelFileError: If the file cannot be read.
    """
    from monoface.facemodel.model import FaceModel

    return load_default_model() if path is None else FaceModel(load_face_model_data(path))


def open_numpy_model(path: Path | None) -> NumpyFaceModel:
    """The same in numpy.

    Raises:
        AssetError: If the shipped file is missing or damaged.
        ModelFileError: If the file cannot be read.
    """
    return NumpyFaceModel(deepcopy(_shipped_data()) if path is None else read_face_model_data(path))


def face_model_file(path: Path | None) -> Path:
    """Where the face model of an option lies, which may be the shipped one.

    Raises:
        AssetError: If the shipped file is missing or damaged.
    """
    return asset_path(FACE_MODEL_FILE) if path is None else path


@cache
def _shipped_data() -> FaceModelData:
    return read_face_model_data(asset_path(FACE_MODEL_FILE))
