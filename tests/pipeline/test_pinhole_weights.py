"""Weights that tell albedo and light and see by a pinhole, from a photo to files."""

import json

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ModelFileError
from monoface.export import read_glb
from monoface.facemodel import CoefficientLayout
from monoface.networks import Regressor, RegressorConfig, RegressorInfo, ResNetConfig, save_regressor
from monoface.pipeline import Pinhole, Reconstructor, ReconstructorConfig


def write_weights(model, path, albedo_space):
    torch.manual_seed(1)
    geometry = CoefficientLayout.of(model)
    albedo = model.albedo_size
    network = Regressor(
        RegressorConfig(geometry.size + albedo + 27, backbone=ResNetConfig((1, 1, 1, 1), 0.125))
    )
    torch.nn.init.normal_(network.head.weight, std=0.05)
    info = RegressorInfo(
        "mgcnet", model.coefficient_space, geometry.identity, geometry.expression, albedo=albedo,
        albedo_space=albedo_space, light=True, focal_per_size=20.0,
    )  # fmt: skip
    save_regressor(network.eval(), info, path)
    return ReconstructorConfig(weights=str(path), texture_size=64)


@pytest.fixture(scope="module")
def face(toy_files, toy_model, told_detector, photo_array, tmp_path_factory):
    path = tmp_path_factory.mktemp("pinhole") / "mgcnet.safetensors"
    config = write_weights(toy_model, path, toy_model.albedo_space)
    reconstructor = Reconstructor(
        ReconstructorConfig(weights=config.weights, face_model=toy_files[0], texture_size=64)
    )
    reconstructor.detector = told_detector((70, 40, 130, 110))
    return reconstructor.reconstruct(photo_array)


def test_landmarks_are_where_the_pinhole_sees_them(face, toy_model):
    found = face.all_faces[0]
    assert isinstance(found.lens, Pinhole)
    points = toy_model.landmarks("ibug68").points(torch.from_numpy(found.verts_mm)[None])[0]
    assert_close(torch.from_numpy(found.project(points.numpy())), torch.from_numpy(found.landmarks68_px),
                 rtol=1e-4, atol=1e-2)  # fmt: skip


def test_appearance_is_the_networks(face):
    found = face.all_faces[0]
    np.testing.assert_allclose(found.skin.appearance.albedo, found.albedo, rtol=1e-5)
    np.testing.assert_allclose(found.skin.appearance.light, found.light, rtol=1e-5)
    assert found.texture.shape == (64, 64, 3)


def test_the_report_and_the_overlay_know_the_camera(face, tmp_path):
    found = face.all_faces[0]
    found.save(tmp_path / "face.json")
    camera = json.loads((tmp_path / "face.json").read_text())["camera"]
    assert camera["type"] == "perspective"
    assert camera["focal_px"] == pytest.approx(found.lens.focal_px, rel=1e-5)
    face.save(tmp_path / "face.png")
    assert (tmp_path / "face.png").stat().st_size > 0


def test_the_glb_has_a_perspective_camera_that_sees_the_same(face, tmp_path):
    found = face.all_faces[0]
    found.save(tmp_path / "face.glb")
    camera = read_glb(tmp_path / "face.glb").camera
    np.testing.assert_allclose(camera.project(found.verts_mm), found.project(found.verts_mm), atol=0.02)


def test_albedo_of_another_model_is_refused(toy_files, toy_model, tmp_path):
    config = write_weights(toy_model, tmp_path / "other.safetensors", "elsewhere")
    with pytest.raises(ModelFileError, match=r"expected albedo of the space .*, got elsewhere"):
        Reconstructor(ReconstructorConfig(weights=config.weights, face_model=toy_files[0]))
