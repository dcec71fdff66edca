"""Face models in one safetensors file: float32 mean, float16 modes, JSON for the names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from monoface.core.arrays import in_numpy, in_torch
from monoface.core.errors import ModelFileError
from monoface.core.files import write_atomically
from monoface.core.json_text import parse_json
from monoface.facemodel.data import Correctives, EyeJoint, FaceModelData
from monoface.facemodel.landmarks import LandmarkSet

_FORMAT = "monoface-face-model-1"
_HALF = ("identity_basis_mm", "expression_basis_mm", "albedo_mean", "albedo_basis")
_PLAIN = ("mean_mm", "uv")
_INDEX = ("faces", "face_part", "weld", "mirror")


def save_face_model(data: FaceModelData, path: Path) -> None:
    """Write a face model. Modes are rounded to float16, the mean and UV stay float32."""
    data = in_numpy(data)
    tensors = {name: getattr(data, name).astype(np.float16) for name in _HALF}
    tensors |= {name: getattr(data, name).astype(np.float32) for name in _PLAIN}
    tensors |= {name: getattr(data, name).astype(np.int32) for name in _INDEX}
    for name, region in data.regions.items():
        tensors[f"region.{name}"] = region.astype(np.uint8)
    for name, points in data.landmarks.items():
        tensors[f"landmark.{name}.index"] = points.index.astype(np.int32)
        tensors[f"landmark.{name}.weight"] = points.weight.astype(np.float32)
    for name, eye in data.eyes.items():
        tensors[f"eye.{name}.verts"] = eye.verts.astype(np.uint8)
        tensors[f"eye.{name}.centre"] = eye.centre.astype(np.float32)
        tensors[f"eye.{name}.gaze_rad"] = eye.gaze_rad.astype(np.float32)
    if data.correctives is not None:
        tensors["corrective.expression"] = data.correctives.expression.astype(np.int32)
        tensors["corrective.verts"] = data.correctives.verts.astype(np.int32)
        tensors["corrective.offsets_mm"] = data.correctives.offsets_mm.astype(np.float16)
    names = {
        "format": _FORMAT,
        "part_names": data.part_names,
        "expression_names": data.expression_names,
        "expression_bounds": data.expression_bounds,
        "provenance": dict(data.provenance),
    }
    metadata = {"monoface": json.dumps(names, sort_keys=True)}
    whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_atomically(path, save(whole, metadata), overwrite=True)


def load_face_model_data(path: Path) -> FaceModelData:
    """Read a face model that `save_face_model` wrote, into tensors of PyTorch.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    return in_torch(read_face_model_data(path))


def read_face_model_data(path: Path) -> FaceModelData:
    """Read a face model that `save_face_model` wrote, into arrays of numpy.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    try:
        with safe_open(path, framework="np") as file:
            names = parse_json((file.metadata() or {}).get("monoface", "{}"))
            if names.get("format") != _FORMAT:
                raise ModelFileError(f"{path.name}: expected format {_FORMAT}, got {names.get('format')}.")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return _from_tensors(tensors, names)
    except (OSError, SafetensorError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{path.name}: cannot be read as a face model ({error}).") from error


def _from_tensors(tensors: dict[str, np.ndarray], names: dict[str, Any]) -> FaceModelData:
    def named(kind: str) -> list[str]:
        return sorted({name.split(".")[1] for name in tensors if name.startswith(kind + ".")})

    bounds = names["expression_bounds"]
    return FaceModelData(
        **{name: tensors[name].astype(np.float32) for name in _HALF + _PLAIN},
        **{name: tensors[name].astype(np.int64) for name in _INDEX},
        part_names=tuple(names["part_names"]),
        regions={name: tensors[f"region.{name}"].astype(bool) for name in named("region")},
        landmarks={
            name: LandmarkSet(
                tensors[f"landmark.{name}.index"].astype(np.int64), tensors[f"landmark.{name}.weight"]
            )
            for name in named("landmark")
        },
        expression_names=tuple(names["expression_names"]),
        expression_bounds=None if bounds is None else (float(bounds[0]), float(bounds[1])),
        eyes={
            name: EyeJoint(
                tensors[f"eye.{name}.verts"].astype(bool),
                tensors[f"eye.{name}.centre"],
                tensors[f"eye.{name}.gaze_rad"],
            )
            for name in named("eye")
        },
        provenance=names["provenance"],
        correctives=_correctives(tensors),
    )


def _correctives(tensors: dict[str, np.ndarray]) -> Correctives | None:
    """None in files that were written before there were any."""
    if "corrective.offsets_mm" not in tensors:
        return None
    return Correctives(
        tensors["corrective.expression"].astype(np.int64),
        tensors["corrective.verts"].astype(np.int64),
        tensors["corrective.offsets_mm"].astype(np.float32),
    )
