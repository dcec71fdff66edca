"""Face models on disk."""

import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

from monoface.core.errors import ModelFileError
from monoface.facemodel import load_face_model_data, save_face_model


@pytest.fixture
def path(head_data, tmp_path):
    save_face_model(head_data, tmp_path / "head.safetensors")
    return tmp_path / "head.safetensors"


def test_a_model_comes_back(head_data, path):
    back = load_face_model_data(path)
    for name in ("mean_mm", "uv", "faces", "face_part", "weld", "mirror"):
        assert torch.equal(getattr(back, name), getattr(head_data, name)), name
    for name in ("identity_basis_mm", "expression_basis_mm", "albedo_mean", "albedo_basis"):
        # Modes are kept in float16: eleven bits of precision.
        assert_close(getattr(back, name), getattr(head_data, name), rtol=2**-11, atol=1e-6)
    for name in ("part_names", "expression_names", "expression_bounds", "provenance"):
        assert getattr(back, name) == getattr(head_data, name), name
    assert back.regions.keys() == head_data.regions.keys()
    assert torch.equal(back.regions["narrow_face"], head_data.regions["narrow_face"])
    assert back.landmarks.keys() == head_data.landmarks.keys()
    assert torch.equal(back.landmarks["aflw21"].weight, head_data.landmarks["aflw21"].weight)
    assert back.eyes.keys() == head_data.eyes.keys()
    assert torch.equal(back.eyes["eye_left"].gaze_rad, head_data.eyes["eye_left"].gaze_rad)


def test_equal_models_give_equal_bytes(head_data, path, tmp_path):
    save_face_model(load_face_model_data(path), tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match=r"none\.safetensors: cannot be read as a face model"):
        load_face_model_data(tmp_path / "none.safetensors")


def test_a_truncated_file_is_refused(path):
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match="cannot be read as a face model"):
        load_face_model_data(path)


def test_text_is_refused(tmp_path):
    (tmp_path / "text.safetensors").write_text("no tensors in here")
    with pytest.raises(ModelFileError, match="cannot be read as a face model"):
        load_face_model_data(tmp_path / "text.safetensors")


def test_other_tensors_are_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelFileError, match="expected format monoface-face-model-1, got None"):
        load_face_model_data(tmp_path / "other.safetensors")
