"""Face models in one safetensors file: float32 mean, float16 modes, JSON for the names."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

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
    tensors = {name: getattr(data, name).half() for name in _HALF}
    tensors |= {name: getattr(data, name).float() for name in _PLAIN}
    tensors |= {name: getattr(data, name).to(torch.int32) for name in _INDEX}
    for name, region in data.regions.items():
        tensors[f"region.{name}"] = region.to(torch.uint8)
    for name, points in data.landmarks.items():
        tensors[f"landmark.{name}.index"] = points.index.to(torch.int32)
        tensors[f"landmark.{name}.weight"] = points.weight.float()
    for name, eye in data.eyes.items():
        tensors[f"eye.{name}.verts"] = eye.verts.to(torch.uint8)
        tensors[f"eye.{name}.centre"] = eye.centre.float()
        tensors[f"eye.{name}.gaze_rad"] = eye.gaze_rad.float()
    if data.correctives is not None:
        tensors["corrective.expression"] = data.correctives.expression.to(torch.int32)
        tensors["corrective.verts"] = data.correctives.verts.to(torch.int32)
        tensors["corrective.offsets_mm"] = data.correctives.offsets_mm.half()
    names = {
        "format": _FORMAT,
        "part_names": data.part_names,
        "expression_names": data.expression_names,
        "expression_bounds": data.expression_bounds,
        "provenance": dict(data.provenance),
    }
    metadata = {"monoface": json.dumps(names, sort_keys=True)}
    # Copies, because safetensors refuses tensors that share memory, as sets with equal points may.
    copies = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    write_atomically(path, save(copies, metadata), overwrite=True)


def load_face_model_data(path: Path) -> FaceModelData:
    """Read a face model that `save_face_model` wrote.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = parse_json((file.metadata() or {}).get("monoface", "{}"))
            if names.get("format") != _FORMAT:
                raise ModelFileError(f"{path.name}: expected format {_FORMAT}, got {names.get('format')}.")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return _from_tensors(tensors, names)
    except (OSError, SafetensorError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{path.name}: cannot be read as a face model ({error}).") from error


def _from_tensors(tensors: dict[str, Tensor], names: dict[str, Any]) -> FaceModelData:
    def named(kind: str) -> list[str]:
        return sorted({name.split(".")[1] for name in tensors if name.startswith(kind + ".")})

    bounds = names["expression_bounds"]
    return FaceModelData(
        **{name: tensors[name].float() for name in _HALF + _PLAIN},
        **{name: tensors[name].long() for name in _INDEX},
        part_names=tuple(names["part_names"]),
        regions={name: tensors[f"region.{name}"].bool() for name in named("region")},
        landmarks={
            name: LandmarkSet(tensors[f"landmark.{name}.index"].long(), tensors[f"landmark.{name}.weight"])
            for name in named("landmark")
        },
        expression_names=tuple(names["expression_names"]),
        expression_bounds=None if bounds is None else (float(bounds[0]), float(bounds[1])),
        eyes={
            name: EyeJoint(
                tensors[f"eye.{name}.verts"].bool(),
                tensors[f"eye.{name}.centre"],
                tensors[f"eye.{name}.gaze_rad"],
            )
            for name in named("eye")
        },
        provenance=names["provenance"],
        correctives=_correctives(tensors),
    )


def _correctives(tensors: dict[str, Tensor]) -> Correctives | None:
    """None in files that were written before there were any."""
    if "corrective.offsets_mm" not in tensors:
        return None
    return Correctives(
        tensors["corrective.expression"].long(),
        tensors["corrective.verts"].long(),
        tensors["corrective.offsets_mm"].float(),
    )
