import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from synthetic_head import synthetic_head

from monoface.core.errors import ConfigError, ModelFileError
from monoface.facemodel import MorphableModel


@pytest.fixture(scope="module")
def head():
    return synthetic_head()


@pytest.fixture(scope="module")
def model(head):
    return MorphableModel(head.data)


def test_arrays_are_the_models(model, head):
    for name in ("mean_mm", "identity_basis_mm", "albedo_mean", "faces", "uv"):
        assert_array_equal(getattr(model, name), getattr(head, name))
    nobody = torch.zeros(1, head.identity_size)
    assert_allclose(model.expression_basis_mm, head.expression_basis_for(nobody)[0], atol=1e-4)
    assert model.regions.keys() == head.data.regions.keys()
    assert_array_equal(model.regions["face"], head.data.regions["face"])


def test_arrays_cannot_be_written_to(model, head):
    before = head.mean_mm.clone()
    with pytest.raises(ValueError, match="read-only"):
        model.mean_mm[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        model.regions["face"][0] = False
    assert torch.equal(head.mean_mm, before)


def test_vertices_are_those_of_the_torch_model(model, head):
    rng = np.random.default_rng(1)
    identity = rng.normal(size=head.identity_size).astype(np.float32)
    expression = rng.random(head.expression_size).astype(np.float32)
    expected = head.shape(torch.from_numpy(identity)[None], torch.from_numpy(expression)[None])[0]
    assert_allclose(model.verts_mm(identity, expression), expected, atol=1e-4)
    assert_allclose(model.verts_mm(), model.mean_mm, atol=1e-4)


def test_expressions_have_names(model):
    name = model.expression_names[1]
    weights = model.expression_of({name: 0.5})
    assert weights[1] == 0.5
    assert weights.sum() == 0.5
    with pytest.raises(ConfigError, match="got winkTwice"):
        model.expression_of({"winkTwice": 1.0})


def test_landmarks_are_points_of_the_mesh(model, head):
    landmarks = model.landmarks("ibug68")
    assert len(landmarks) == 68
    expected = head.landmarks("ibug68").points(head.mean_mm[None])[0]
    assert_allclose(landmarks.points(model.mean_mm), expected, atol=1e-4)
    with pytest.raises(ModelFileError, match="no such set"):
        model.landmarks("nowhere")


def test_other_numbers_of_coefficients_are_refused(model, head):
    with pytest.raises(ConfigError, match=f"identity: expected {head.identity_size} coefficients"):
        model.verts_mm(np.zeros(head.identity_size + 1))


def test_albedo_is_the_mean_without_coefficients(model, head):
    assert_allclose(model.albedo(), head.albedo_mean.clamp(0, 1), atol=1e-6)
