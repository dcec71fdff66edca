"""What a result says in JSON: numbers with their units in their names, and what made them."""

import json
from pathlib import PurePath
from typing import Any

import numpy as np
from jaxtyping import Float

from monoface.geometry.cameras import AnyCamera, PerspectiveCamera
from monoface.pipeline.multi_photo.reconstruct import TogetherResult
from monoface.pipeline.results import Face, MadeWith, PhotoResult

_FORMAT = "monoface-photo-1"
_TOGETHER_FORMAT = "monoface-together-1"

# Digits kept after the point. Finer ones mean nothing, and may differ with the size of the batch.
_PIXEL_DIGITS = 3
_MM_DIGITS = 3
_COEFFICIENT_DIGITS = 5
_ANGLE_DIGITS = 3
_APPEARANCE_DIGITS = 4


def photo_report(result: PhotoResult) -> dict[str, Any]:
    """Report of a photo as JSON values. Pixels are those of the upright original photo."""
    size = None if result.photo is None else list(result.photo.original_size_px)
    return {
        "format": _FORMAT,
        "photo": {"name": PurePath(result.name).name, "size_px": size},
        "status": result.status,
        "reason": result.reason,
        "faces": [face_report(face) for face in result.faces],
        "doubtful_faces": [face_report(face) for face in result.doubtful],
        "made_with": _made_with_report(result.made_with),
    }


def face_report(face: Face) -> dict[str, Any]:
    """Report of one face as JSON values."""
    found = face.coefficients
    report = {
        "score": round(face.score, 4),
        "confidence": round(face.confidence, 4),
        "box_px": _rounded(face.box, _PIXEL_DIGITS),
        "yaw_deg": round(face.yaw_deg, _ANGLE_DIGITS),
        "pitch_deg": round(face.pitch_deg, _ANGLE_DIGITS),
        "roll_deg": round(face.roll_deg, _ANGLE_DIGITS),
        "T_camera_model": _rounded(face.T_camera_model, _COEFFICIENT_DIGITS),
        "camera": _camera_report(face.camera),
        "landmarks68_px": _rounded(face.landmarks68_px, _PIXEL_DIGITS),
        "blendshapes": {
            name: round(weight, _COEFFICIENT_DIGITS) for name, weight in face.blendshapes.items()
        },
        "coefficients": {
            "identity": _rounded(found.identity[0].numpy(), _COEFFICIENT_DIGITS),
            "expression": _rounded(found.expression[0].numpy(), _COEFFICIENT_DIGITS),
            "albedo": _rounded(face.appearance.albedo.numpy(), _APPEARANCE_DIGITS),
            "light": _rounded(face.appearance.light.numpy(), _APPEARANCE_DIGITS),
        },
    }
    if face.vertex_sigma_mm is not None:
        narrow = face.model.data.regions["narrow_face"].numpy()
        report["mean_vertex_sigma_mm"] = round(float(face.vertex_sigma_mm[narrow].mean()), _MM_DIGITS)
    return report if face.detail is None else report | {"displacement": face.detail.report()}


def together_report(result: TogetherResult) -> dict[str, Any]:
    """Report on several photos of one person as JSON values: what they share, and each photo."""
    face = result.face
    shared = None
    if face is not None:
        shared = {
            "reference_photo": [face in one.faces for one in result.photos].index(True),
            "identity": _rounded(face.coefficients.identity[0].numpy(), _COEFFICIENT_DIGITS),
            "albedo": _rounded(face.appearance.albedo.numpy(), _APPEARANCE_DIGITS),
        }
    return {
        "format": _TOGETHER_FORMAT,
        "status": result.status,
        "reason": result.reason,
        "warnings": list(result.warnings),
        "shared": shared,
        "photos": [photo_report(photo) for photo in result.photos],
    }


def _camera_report(camera: AnyCamera) -> dict[str, Any]:
    lens: dict[str, Any]
    if isinstance(camera, PerspectiveCamera):
        lens = {"type": "perspective", "focal_px": _significant(float(camera.focal_px[0]))}
    else:
        scale = float(camera.scale_px_per_mm[0])
        lens = {"type": "weak_perspective", "scale_px_per_mm": _significant(scale)}
    return lens | {"principal_px": _rounded(camera.principal_px[0].numpy(), _PIXEL_DIGITS)}


def _significant(value: float) -> float:
    return float(f"{value:.6g}")


def to_json(report: dict[str, Any]) -> bytes:
    """Text of a report, the same for the same values; a row of numbers takes one line."""
    return (_text(report, "") + "\n").encode()


def _text(value: Any, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, dict) and value:
        entries = (f"{inner}{_scalar(key)}: {_text(entry, inner)}" for key, entry in value.items())
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(entry, dict | list) for entry in value):
        return "[\n" + ",\n".join(inner + _text(entry, inner) for entry in value) + f"\n{indent}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def _rounded(values: Float[np.ndarray, "..."], digits: int) -> list[Any]:
    # Adding zero turns -0.0 into 0.0.
    rows: list[Any] = (np.round(values.astype(np.float64), digits) + 0.0).tolist()
    return rows


def _made_with_report(made_with: MadeWith) -> dict[str, Any]:
    return {
        "monoface": made_with.monoface,
        "weights": made_with.weights,
        "method": made_with.method,
        "sha256": dict(made_with.sha256),
    }
