"""What a result says in JSON: numbers with their units in their names, and what made them."""

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
from jaxtyping import Float

from monoface.core.names import encodable
from monoface.pipeline.face_skin import FaceSkin
from monoface.pipeline.posed_face import Lens, MadeWith, Pinhole, PosedFace

PHOTO_FORMAT, TOGETHER_FORMAT = "monoface-photo-1", "monoface-together-1"
"""What reports of a photo, and of several photos of a person, have as `format`."""

# Digits kept after the point. Finer ones mean nothing, and may differ with the size of the batch.
_PIXEL_DIGITS = 3
_MM_DIGITS = 3
_COEFFICIENT_DIGITS = 5
_ANGLE_DIGITS = 3
_APPEARANCE_DIGITS = 4


def photo_report(
    *,
    name: str,
    size_px: tuple[int, int] | None,
    status: str,
    reason: str,
    faces: Sequence[FaceSkin],
    doubtful: Sequence[FaceSkin],
    made_with: MadeWith,
) -> dict[str, Any]:
    """Report of a photo as JSON values. Pixels are those of the upright original photo.

    Args:
        name: What the photo is called.
        size_px: Its width and height; None if it could not be read.
        status: What became of it.
        reason: One line that says more.
        faces: Its faces, largest first.
        doubtful: Those of too little confidence.
        made_with: Versions and hashes.
    """
    return {
        "format": PHOTO_FORMAT,
        "photo": {
            "name": encodable(PurePath(name).name),
            "size_px": None if size_px is None else list(size_px),
        },
        "status": status,
        "reason": encodable(reason),
        "faces": [face_report(skin.posed, skin) for skin in faces],
        "doubtful_faces": [face_report(skin.posed, skin) for skin in doubtful],
        "made_with": made_with_report(made_with),
    }


def face_report(posed: PosedFace, skin: FaceSkin) -> dict[str, Any]:
    """Report of one face as JSON values."""
    yaw_deg, pitch_deg, roll_deg = posed.head_angles_deg
    report = {
        "score": round(posed.score, 4),
        "confidence": round(posed.confidence, 4),
        "box_px": _rounded(posed.box, _PIXEL_DIGITS),
        "yaw_deg": round(yaw_deg, _ANGLE_DIGITS),
        "pitch_deg": round(pitch_deg, _ANGLE_DIGITS),
        "roll_deg": round(roll_deg, _ANGLE_DIGITS),
        "T_camera_model": _rounded(posed.T_camera_model, _COEFFICIENT_DIGITS),
        "camera": _camera_report(posed.lens),
        "landmarks68_px": _rounded(posed.landmarks68_px, _PIXEL_DIGITS),
        "blendshapes": {
            name: round(weight, _COEFFICIENT_DIGITS) for name, weight in posed.blendshapes.items()
        },
        "coefficients": {
            "identity": _rounded(posed.identity, _COEFFICIENT_DIGITS),
            "expression": _rounded(posed.expression, _COEFFICIENT_DIGITS),
            "albedo": _rounded(skin.appearance.albedo, _APPEARANCE_DIGITS),
            "light": _rounded(skin.appearance.light, _APPEARANCE_DIGITS),
        },
    }
    if skin.mean_vertex_sigma_mm is not None:
        report["mean_vertex_sigma_mm"] = round(skin.mean_vertex_sigma_mm, _MM_DIGITS)
    if skin.detail_report is not None:
        report["displacement"] = skin.detail_report
    return report


def together_report(
    *,
    status: str,
    reason: str,
    warnings: Sequence[str],
    face: FaceSkin | None,
    reference_photo: int | None,
    photos: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Report on several photos of one person as JSON values: what they share, and each photo.

    Args:
        status: What became of them.
        reason: One line that says more.
        warnings: What may be wrong.
        face: The face as the reference photo shows it; None if no photo was used.
        reference_photo: Number of that photo.
        photos: Report of each photo.
    """
    shared = None
    if face is not None:
        shared = {
            "reference_photo": reference_photo,
            "identity": _rounded(face.posed.identity, _COEFFICIENT_DIGITS),
            "albedo": _rounded(face.appearance.albedo, _APPEARANCE_DIGITS),
        }
    return {
        "format": TOGETHER_FORMAT,
        "status": status,
        "reason": encodable(reason),
        "warnings": [encodable(warning) for warning in warnings],
        "shared": shared,
        "photos": list(photos),
    }


def _camera_report(lens: Lens) -> dict[str, Any]:
    told: dict[str, Any]
    if isinstance(lens, Pinhole):
        told = {"type": "perspective", "focal_px": _significant(lens.focal_px)}
    else:
        told = {"type": "weak_perspective", "scale_px_per_mm": _significant(lens.scale_px_per_mm)}
    return told | {"principal_px": _rounded(np.array(lens.principal_px), _PIXEL_DIGITS)}


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


def made_with_report(made_with: MadeWith) -> dict[str, Any]:
    """What reports say of versions and hashes."""
    return {
        "monoface": made_with.monoface,
        "weights": made_with.weights,
        "method": made_with.method,
        "sha256": dict(made_with.sha256),
    }
