"""The shipped file of the default face model, and its model card."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from monoface.core.assets import register_asset
from monoface.core.errors import ConfigError
from monoface.facemodel.model import FaceModel
from monoface.facemodel.storage import load_face_model_data, save_face_model
from monoface.modelling.checks import FOLDING_BY_DESIGN, REWRITTEN, FaceModelReport
from monoface.modelling.closing.closure_checks import ClosureReport

ICT_NOTICE = (
    "The geometry of the default face model is derived from ICT-FaceKit (light), Copyright (c) 2020 USC "
    "Institute for Creative Technologies, MIT License."
)


def write_face_model(model: FaceModel, path: Path) -> FaceModel:
    """Save a face model and read it back: what is measured must be what is shipped, rounding included."""
    save_face_model(model.data, path)
    return FaceModel(load_face_model_data(path))


def register_face_model(
    path: Path, model: FaceModel, report: FaceModelReport, closure: ClosureReport
) -> None:
    """Write the card beside a saved face model, and its hash into the manifest of its folder."""
    register_asset(path, face_model_card(model, report, closure))


def face_model_card(model: FaceModel, report: FaceModelReport, closure: ClosureReport) -> dict[str, Any]:
    """What the model card of the default face model says."""
    identity = report.identity_rms_mm
    rewritten = [name for name in REWRITTEN if name in report.expression_rms_mm]
    as_sourced = {name: error for name, error in report.expression_rms_mm.items() if name not in REWRITTEN}
    folded = {name: count for name, count in report.folded.items() if count and name not in FOLDING_BY_DESIGN}
    return {
        "name": "monoface default face model",
        "version": "1",
        "data": [
            "ICT-FaceKit (light): geometry, identity modes and expressions",
            *(["200 generated portraits, CC0: albedo"] if model.albedo_size else []),
        ],
        "terms": f"MIT, as the rest of monoface. {ICT_NOTICE}",
        "limits": "Learned from scans of adults. Albedo knows no hair, beards or make-up.",
        "size": {
            "vertices": len(model.mean_mm),
            "triangles": len(model.faces),
            "identity_modes": model.identity_size,
            "expressions": model.expression_size,
            "albedo_modes": model.albedo_size,
        },
        "metrics": {
            "region": "narrow face, at the source's vertices",
            "identity_samples": len(identity),
            "identity_rms_mm": round(float(np.sqrt((identity**2).mean())), 4),
            "identity_worst_rms_mm": round(float(identity.max()), 4),
            "expression_worst_rms_mm": round(max(as_sourced.values()), 4),
            "rewritten_rms_mm": {name: round(report.expression_rms_mm[name], 4) for name in rewritten},
            "folded_triangles": folded,
            "uv_overlaps": len(report.uv_overlaps),
            "asymmetry_mm": report.asymmetry_mm,
            "closure": closure_figures(closure),
        },
    }


def closure_figures(closure: ClosureReport) -> dict[str, Any]:
    """The worst figures of lids and lips over all drawn identities, in millimetres; eyes are left, right."""

    def worst(values: np.ndarray) -> Any:
        return np.round(values.max(axis=0), 3).tolist()

    return {
        "samples": len(closure.lip_gap_mm),
        "lid_gap_mm": worst(closure.lid_gap_mm),
        "ball_clearance_mm": np.round(closure.ball_clearance_mm.min(axis=0), 3).tolist(),
        "lip_gap_mm": worst(closure.lip_gap_mm),
        "lip_overlap_mm": worst(closure.lip_overlap_mm),
        "closed_gap_mm": worst(closure.closed_gap_mm),
        "closed_overlap_mm": worst(closure.closed_overlap_mm),
    }


def card_beside(path: Path) -> dict[str, Any]:
    """The card beside a face model: it holds for the same geometry with other landmark sets or albedo.

    Raises:
        ConfigError: If there is none.
    """
    card_path = path.with_name(f"{path.stem}.card.json")
    if not card_path.is_file():
        raise ConfigError(
            f"--face-model {path.name}: expected its card {card_path.name} beside it, found none. "
            "Copy both files that monoface facemodel learn wrote."
        )
    card: dict[str, Any] = json.loads(card_path.read_text(encoding="utf-8"))
    return card
