"""A folder with what another program needs to turn crops into faces: networks, face model, a reference."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from monoface.core.assets import asset_path, sha256_of
from monoface.core.errors import ConfigError
from monoface.core.files import refuse_existing, write_atomically
from monoface.core.version import VERSION
from monoface.facemodel import NumpyFaceModel, face_model_file, open_numpy_model
from monoface.facemodel.landmarks import FLM18
from monoface.networks import RegressorInfo, RegressorWeights, read_parser, read_regressor
from monoface.networks.onnx.parser import skin_to_onnx
from monoface.networks.onnx.regressor import regressor_to_onnx
from monoface.networks.recognition.recognizer import recognition_to_onnx
from monoface.networks.recognition.weights import load_recognition_weights
from monoface.regression.coefficient_regressor import check_space, layout_of, weights_path

FORMAT = "monoface-export-1"
"""Version of the folder: of the metadata in `regressor.onnx` and the arrays in `face_model.npz`."""

_DETECTORS = ("blazeface_short.onnx", "blazeface_full.onnx", "facemesh.onnx")
_REFERENCE = Path(__file__).with_name("reference.py")


def export_bundle(
    folder: Path, weights: str = "monoface", face_model: Path | None = None, *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write networks as ONNX, the face model as arrays, their terms, and a script that uses them.

    Args:
        folder: Where; it is made if it does not exist.
        weights: Name of shipped weights of a regressor, or path of a safetensors file.
        face_model: File of the weights' face model; the shipped one by default.
        overwrite: Replace files of these names.

    Returns:
        The files.

    Raises:
        ConfigError: If there are no such weights, or they have a pinhole or another landmark map than the
            reference knows.
        ModelFileError: If weights and face model do not belong together.
        OutputExistsError: If a file exists and `overwrite` is false.
        OSError: If the folder cannot be written to.
    """
    path = weights_path(weights)
    regressor, info = read_regressor(path)
    model = open_numpy_model(face_model)
    check_space(path.stem, info, model)
    drawn = regressor.config.landmark_map
    if info.focal_per_size is not None or (
        drawn is not None and (drawn.kind, drawn.outside) != ("gauss", "drop")
    ):
        raise ConfigError(f"weights {path.stem}: expected weak perspective and a map of bumps, got others.")
    parser = read_parser()
    contents = {
        "regressor.onnx": regressor_to_onnx(
            regressor.config, regressor.weights, regressor_metadata(regressor, info, path)
        ),
        "skin.onnx": skin_to_onnx(parser, parser.config.size_px),
        "recognition.onnx": recognition_to_onnx(load_recognition_weights()),
        **{name: asset_path(name).read_bytes() for name in _DETECTORS},
        "face_model.npz": _as_npz(face_model_arrays(model)),
        "reference.py": _REFERENCE.read_bytes(),
    }
    terms = _terms(path, face_model_file(face_model))
    contents["TERMS.json"] = (json.dumps(terms, indent=2, sort_keys=True) + "\n").encode()
    paths = tuple(folder / name for name in contents)
    if not overwrite:
        refuse_existing(*paths)
    for target, content in zip(paths, contents.values(), strict=True):
        write_atomically(target, content, overwrite=overwrite)
    return paths


def regressor_metadata(regressor: RegressorWeights, info: RegressorInfo, path: Path) -> dict[str, str]:
    """What `regressor.onnx` says of itself: its input, what its outputs mean, and whose it is."""
    config, layout = regressor.config, layout_of(info)
    drawn = None if config.landmark_map is None else {"sigma_px": config.landmark_map.sigma_px}
    channels = "RGB, sRGB in [0, 1]" + ("" if drawn is None else ", and a landmark map in [0, 1]")
    said = {
        "layout": asdict(layout)
        | {"scale_per_size": layout.SCALE_PER_SIZE, "shift_per_size": layout.SHIFT_PER_SIZE},
        "landmark_map": drawn,
        "input": {"image": f"float32 (batch, channels, {config.size_px}, {config.size_px}): {channels}"},
        "point_sets": info.point_sets,
        "confidence": info.confidence,
    }
    return {
        "format": FORMAT,
        "made_with": f"monoface {VERSION}",
        "method": info.method,
        "weights_sha256": sha256_of(path),
        "coefficient_space": info.coefficient_space,
        "terms": _card_terms(path),
        **{name: json.dumps(value, sort_keys=True) for name, value in said.items()},
    }


def face_model_arrays(model: NumpyFaceModel) -> dict[str, np.ndarray]:
    """Arrays of a face model by name, as `face_model.npz` has them."""
    data, mapped = model.data, model.landmarks(FLM18)
    names = ("mean_mm", "identity_basis_mm", "expression_basis_mm", "albedo_mean", "albedo_basis")
    eyes, verts, expressions = list(data.eyes.values()), len(model.mean_mm), model.expression_size
    landmarks = model.landmarks("ibug68")
    return {
        **{name: getattr(model, name) for name in (*names, "faces", "uv", "weld")},
        **{name: getattr(model, name) for name in ("corrected", "corrective_verts", "corrective_mm")},
        "eye_verts": np.array([eye.verts for eye in eyes]).reshape(-1, verts),
        "eye_centre": np.array([eye.centre for eye in eyes]).reshape(-1, verts),
        "eye_gaze_rad": np.array([eye.gaze_rad for eye in eyes]).reshape(-1, expressions, 3),
        "flm18_index": mapped.index,
        "flm18_weight": mapped.weight,
        "ibug68_index": landmarks.index,
        "ibug68_weight": landmarks.weight,
        "expression_names": np.array(model.expression_names),
    }


def _as_npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(file, **named)
    return file.getvalue()


def _terms(weights: Path, face_model: Path) -> dict[str, str]:
    shipped = {f"{name.removesuffix('.onnx')}.onnx": asset_path(name) for name in _DETECTORS}
    shipped |= {
        "skin.onnx": asset_path("parsing.safetensors"),
        "recognition.onnx": asset_path("recognition.safetensors"),
    }
    files = {"regressor.onnx": weights, "face_model.npz": face_model, **shipped}
    return {name: _card_terms(path) for name, path in files.items()} | {"reference.py": "MIT"}


def _card_terms(path: Path) -> str:
    """What the card beside a file says of its terms."""
    card = path.with_name(f"{path.stem}.card.json")
    if not card.is_file():
        return "Not stated: there is no card beside the file."
    return str(json.loads(card.read_text(encoding="utf-8")).get("terms", "Not stated."))
