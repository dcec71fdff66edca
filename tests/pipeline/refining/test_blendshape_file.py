"""The scale of blendshapes, in the file of the weights."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors.numpy import load_file, save_file

from monoface.core.errors import ModelFileError
from monoface.facemodel.blendshape_scale import BlendshapeScale
from monoface.pipeline import Reconstructor, ReconstructorConfig
from monoface.pipeline.refining.blendshape_file import load_blendshape_scale, save_blendshape_scale
from monoface.pipeline.refining.refinement_file import load_refinement


@pytest.fixture
def weights(pointed_weights, tmp_path):
    path = tmp_path / "toy.safetensors"
    path.write_bytes(pointed_weights.read_bytes())
    return path


@pytest.fixture
def scale(toy_model):
    count = toy_model.expression_size
    knots = np.tile([0.0, 0.25, 1.0], (count, 1))
    return BlendshapeScale(knots, np.sort(np.random.default_rng(0).uniform(0, 1, (count, 3)), axis=1))


def test_round_trip(weights, scale):
    save_blendshape_scale(scale, weights)
    again = load_blendshape_scale(weights, len(scale))
    assert_allclose(again.value, scale.value, rtol=1e-6)
    assert_allclose(again.weight, scale.weight, rtol=1e-6)


def test_the_refinement_stays(weights, scale):
    before = load_refinement(weights)
    save_blendshape_scale(scale, weights)
    assert_allclose(load_refinement(weights).habit_mm, before.habit_mm)


def test_weights_without_one_give_their_own(weights):
    raw = np.array([[0.3, 0.7]])
    assert_allclose(load_blendshape_scale(weights, 2)(raw), raw)


def test_other_expressions_and_damage_are_refused(weights, scale):
    save_blendshape_scale(scale, weights)
    with pytest.raises(ModelFileError, match=f"expected a scale of 99 blendshapes, got one of {len(scale)}"):
        load_blendshape_scale(weights, 99)
    kept = {name: array for name, array in load_file(weights).items() if "blendshapes" not in name}
    save_file(kept, weights, {"monoface": json.dumps({"blendshapes": {}})})
    with pytest.raises(ModelFileError, match="scale of blendshapes cannot be read"):
        load_blendshape_scale(weights, len(scale))


def test_faces_tell_blendshapes_in_that_scale(weights, scale, toy_files, told_detector, photo_array):
    save_blendshape_scale(scale, weights)
    config = ReconstructorConfig(weights=str(weights), face_model=toy_files[0], min_confidence=0.0)
    reconstructor = Reconstructor(config)
    reconstructor.detector = told_detector((70, 40, 130, 110))
    face = reconstructor.reconstruct(photo_array).all_faces[0]
    raw = face.expression[None].astype(np.float64)
    assert_allclose(list(face.blendshapes.values()), scale(raw)[0], rtol=1e-5)
