import json

import numpy as np
import pytest

from monoface.core.errors import ModelFileError
from monoface.facemodel import load_face_model_data
from monoface.modelling.card import face_model_card, register_face_model, write_face_model
from monoface.modelling.checks import FaceModelReport
from monoface.modelling.closing.closure_checks import ClosureReport

REPORT = FaceModelReport(
    identity_rms_mm=np.array((0.1, 0.3)),
    expression_rms_mm={"jawOpen": 0.05, "mouthClose": 0.02},
    folded={"neutral": 0, "mouthClose": 6, "jawOpen": 2},
    asymmetry_mm=0.0,
    symmetric_faces=True,
    uv_overlaps=np.zeros((0, 2), dtype=np.int64),
    loops=(72, 54, 42, 42),
)
CLOSURE = ClosureReport(
    lid_gap_mm=np.array(((0.1, 0.2), (0.15, 0.05))),
    ball_clearance_mm=np.array(((0.3, 0.2), (0.1, 0.4))),
    lip_gap_mm=np.array((0.01, 0.02)),
    lip_overlap_mm=np.array((0.12, 0.1)),
    closed_gap_mm=np.array((0.03, 0.02)),
    closed_overlap_mm=np.array((0.1, 0.11)),
)


def test_the_card_states_what_was_measured(face_model):
    card = face_model_card(face_model, REPORT, CLOSURE)
    assert card["metrics"]["identity_rms_mm"] == pytest.approx(np.sqrt(0.05), abs=1e-4)
    assert card["metrics"]["identity_worst_rms_mm"] == 0.3
    assert card["metrics"]["expression_worst_rms_mm"] == 0.05
    assert card["metrics"]["rewritten_rms_mm"] == {"mouthClose": 0.02}
    assert card["metrics"]["folded_triangles"] == {"jawOpen": 2}
    assert card["size"]["vertices"] == len(face_model.mean_mm)
    assert card["metrics"]["closure"]["lid_gap_mm"] == [0.15, 0.2]
    assert card["metrics"]["closure"]["ball_clearance_mm"] == [0.1, 0.2]
    assert card["metrics"]["closure"]["lip_overlap_mm"] == 0.12
    json.dumps(card)


def test_what_is_written_is_read_back_and_listed(face_model, tmp_path):
    path = tmp_path / "face.safetensors"
    model = write_face_model(face_model, path)
    register_face_model(path, model, REPORT, CLOSURE)
    assert (tmp_path / "face.card.json").is_file()
    assert "face.safetensors" in json.loads((tmp_path / "manifest.json").read_text())
    assert len(load_face_model_data(path).mean_mm) == len(face_model.mean_mm)


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "face.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_face_model_data(tmp_path / "face.safetensors")
