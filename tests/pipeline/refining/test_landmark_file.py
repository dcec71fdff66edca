"""Where annotators put their points on the faces of some weights."""

import shutil

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from monoface.core.assets import asset_path
from monoface.core.errors import ModelFileError
from monoface.networks import load_regressor
from monoface.pipeline.refining.landmark_file import (
    landmark_points,
    load_landmark_habits,
    save_landmark_habits,
)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "own.safetensors"
    shutil.copy(asset_path("pretrain.safetensors"), path)
    return path


def test_weights_without_offsets_have_none(weights):
    assert load_landmark_habits(weights) == {}


def test_offsets_come_back_and_the_network_stays(weights):
    offsets = np.random.default_rng(0).normal(size=(68, 3))
    before = load_regressor(weights)[0].state_dict()
    save_landmark_habits({"ibug68": np.zeros((68, 3)), "aflw21": offsets[:21]}, weights)
    save_landmark_habits({"ibug68": offsets}, weights)
    found = load_landmark_habits(weights)
    assert found.keys() == {"ibug68"}
    assert_allclose(found["ibug68"], offsets, atol=1e-6)
    after = load_regressor(weights)[0].state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_points_are_moved_by_their_offsets_whatever_the_face(face_model):
    offsets = np.random.default_rng(1).normal(size=(68, 3))
    plain = landmark_points(face_model, "ibug68", {})
    moved = landmark_points(face_model, "ibug68", {"ibug68": offsets})
    identity = torch.randn(2, face_model.identity_size, generator=torch.Generator().manual_seed(0))
    expression = torch.full((2, face_model.expression_size), 0.3)
    change = moved(identity, expression) - plain(identity, expression)
    assert_allclose(change.numpy(), np.broadcast_to(offsets, (2, 68, 3)), atol=1e-4)


def test_offsets_of_another_set_are_refused(face_model):
    with pytest.raises(ModelFileError, match="expected offsets of 68 points, got 21"):
        landmark_points(face_model, "ibug68", {"ibug68": np.zeros((21, 3))})


def test_damaged_offsets_are_refused(weights):
    save_landmark_habits({"ibug68": np.full((68, 3), np.nan)}, weights)
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_landmark_habits(weights)
