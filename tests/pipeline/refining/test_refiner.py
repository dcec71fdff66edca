"""Measured faces in the pipeline, with a small face model and a network of random weights."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from monoface.core.arrays import in_numpy
from monoface.core.errors import ModelFileError
from monoface.facemodel import FaceCoefficients
from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.identity_prior import IdentityMap
from monoface.facemodel.estimation.refinement import RefinedFaces
from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera, transform_points
from monoface.networks import load_regressor
from monoface.pipeline import Reconstructor, ReconstructorConfig, TogetherConfig, reconstruct_together
from monoface.pipeline.refining.refinement_file import load_refinement, save_refinement
from monoface.pipeline.refining.refiner import Refiner, posed, poses_of

IDENTITY, EXPRESSIONS = 5, 4


@pytest.fixture(scope="module")
def face(pointed_reconstructor, photo_array):
    return pointed_reconstructor.reconstruct(photo_array).faces[0]


@pytest.fixture(scope="module")
def plain(toy_files, pointed_weights, told_detector, photo_array):
    """The same face as the network says."""
    config = ReconstructorConfig(
        weights=str(pointed_weights), face_model=toy_files[0], texture_size=64, refine="none"
    )
    reconstructor = Reconstructor(config)
    reconstructor.detector = told_detector((70, 40, 130, 110))
    return reconstructor.reconstruct(photo_array).faces[0]


def test_faces_are_measured_unless_none_is_asked_for(face, plain):
    assert plain.posed.measurement is None
    assert plain.vertex_sigma_mm is None
    assert_array_equal(
        face.posed.measurement.inputs["regressed"][0], plain.posed.coefficients.identity[0].astype(np.float64)
    )
    assert np.abs(face.posed.coefficients.identity - plain.posed.coefficients.identity).max() > 0.01
    assert face.confidence == plain.confidence
    assert_allclose(face.posed.coefficients.light, plain.posed.coefficients.light)


def test_points_fit_better_once_measured(face, plain):
    seen = face.posed.measurement.seen
    basis = face.skin.model.subset(face.skin.model.landmarks("ibug68"))
    away = []
    for one in (face, plain):
        points = basis(one.posed.coefficients.identity, one.posed.coefficients.expression)[0]
        away.append(np.linalg.norm(one.project(points) - seen.place_px[0], axis=1).mean())
    assert away[0] < away[1]


def test_vertices_know_how_sure_they_are(face):
    sigma = face.vertex_sigma_mm
    assert sigma.shape == (len(face.verts_mm),)
    assert np.isfinite(sigma).all()
    assert (sigma >= 0).all()
    assert 0.1 < sigma.mean() < 20
    assert face.vertex_sigma_mm is sigma


def test_files_say_how_sure_they_are(face, plain, tmp_path):
    face.save(tmp_path / "face.json")
    report = json.loads((tmp_path / "face.json").read_text())
    narrow = face.skin.model.data.regions["narrow_face"]
    assert report["mean_vertex_sigma_mm"] == pytest.approx(face.vertex_sigma_mm[narrow].mean(), abs=1e-3)
    assert "descriptor" not in json.dumps(report)
    plain.save(tmp_path / "plain.json")
    assert "mean_vertex_sigma_mm" not in json.loads((tmp_path / "plain.json").read_text())
    for one, name in ((face, "face.ply"), (plain, "plain.ply")):
        one.save(tmp_path / name)
    assert b"property float sigma_mm\n" in (tmp_path / "face.ply").read_bytes()[:800]
    assert b"sigma_mm" not in (tmp_path / "plain.ply").read_bytes()[:800]


def test_other_weights_are_as_before(toy_face, toy_reconstructor):
    assert toy_reconstructor.refiner is None
    assert toy_face.posed.measurement is None


def test_weights_that_are_no_better_measured_are_not(toy_files, pointed_weights, tmp_path):
    path = tmp_path / "pointed.safetensors"
    path.write_bytes(pointed_weights.read_bytes())
    save_refinement(replace(load_refinement(path), default=False), path)
    tools = Reconstructor(ReconstructorConfig(weights=str(path), face_model=toy_files[0], texture_size=64))
    assert tools.refiner is None


def test_faces_of_a_batch_do_not_see_each_other(pointed_reconstructor, photo_array, face):
    photos = [photo_array, np.ascontiguousarray(photo_array[:, ::-1]), photo_array]
    results = list(pointed_reconstructor.reconstruct_many(photos))
    for row in (0, 2):
        found = results[row].faces[0]
        assert_allclose(found.posed.coefficients.identity, face.posed.coefficients.identity, atol=1e-3)
        assert_allclose(found.landmarks68_px, face.landmarks68_px, atol=0.05)


def test_what_a_face_was_measured_by_survives_pickling(face):
    measurement = face.posed.measurement
    parts = (measurement.seen, measurement.start, measurement.inputs, measurement.uncertainty.covariance)
    seen, start, inputs, covariance = pickle.loads(pickle.dumps(parts))
    assert_array_equal(seen.place_px, measurement.seen.place_px)
    assert_array_equal(start.rotation, measurement.start.rotation)
    assert_array_equal(inputs["measured"], measurement.inputs["measured"])
    assert_array_equal(covariance, measurement.uncertainty.covariance)


def test_several_photos_have_one_measured_shape(pointed_reconstructor, photo_array):
    photos = [photo_array, np.ascontiguousarray(photo_array[:, ::-1]), photo_array // 2]
    result = reconstruct_together(photos, pointed_reconstructor, TogetherConfig(compare=None))
    first, *others = result.faces
    for other in others:
        assert_array_equal(other.posed.coefficients.identity, first.posed.coefficients.identity)
        assert_allclose(
            other.posed.measurement.uncertainty.vertex_sigma_mm(other.skin.assets.uncertainty),
            other.vertex_sigma_mm,
        )
    alone = pointed_reconstructor.reconstruct(photos[0]).faces[0]
    both = [
        one.posed.measurement.uncertainty.covariance[EXPRESSIONS:, EXPRESSIONS:] for one in (first, alone)
    ]
    assert np.trace(both[0]) < np.trace(both[1])
    basis = first.skin.model.subset(first.skin.model.landmarks("ibug68"))
    points = basis(first.posed.coefficients.identity, first.posed.coefficients.expression)[0]
    assert_allclose(first.landmarks68_px, first.project(points), atol=1e-2)


def test_one_photo_together_is_measured_as_alone(pointed_reconstructor, photo_array, face):
    result = reconstruct_together([photo_array], pointed_reconstructor, TogetherConfig(compare=None))
    assert_allclose(result.face.posed.coefficients.identity, face.posed.coefficients.identity, atol=0.02)
    assert_allclose(result.face.landmarks68_px, face.landmarks68_px, atol=0.3)


@pytest.fixture
def coefficients(rng):
    return FaceCoefficients(
        torch.randn(2, IDENTITY, generator=rng),
        torch.rand(2, EXPRESSIONS, generator=rng),
        torch.zeros(2, 0),
        torch.linalg.qr(torch.randn(2, 3, 3, generator=rng))[0],
        torch.tensor([[10.0, -20.0, 800.0], [5.0, 8.0, 600.0]]),
        torch.zeros(2, 9, 3),
    )


@pytest.mark.parametrize(
    "camera",
    [
        WeakPerspectiveCamera(torch.tensor([2.0, 3.0]), torch.tensor([[50.0, 60.0], [70.0, 80.0]])),
        PerspectiveCamera(torch.tensor([900.0, 700.0]), torch.tensor([[50.0, 60.0], [70.0, 80.0]])),
    ],
)
def test_poses_and_back(coefficients, camera):
    coefficients, camera = in_numpy(coefficients), in_numpy(camera)
    poses = poses_of(coefficients, camera)
    origin = coefficients.translation_mm[:, None]
    assert_allclose(poses.shift_px, camera.project(origin)[0][:, 0], rtol=1e-5)
    moved = Poses(poses.rotation, 1.1 * poses.scale_px, poses.shift_px + 5, poses.expression)
    faces = RefinedFaces(
        coefficients.identity.astype(np.float64),
        np.zeros((2, IDENTITY, IDENTITY)),
        moved,
        np.zeros((2, EXPRESSIONS, EXPRESSIONS)),
        np.zeros((2, EXPRESSIONS, IDENTITY)),
    )
    found, found_camera = posed(coefficients, camera, faces)
    again = poses_of(found, found_camera)
    for name in ("rotation", "scale_px", "shift_px", "expression"):
        assert_allclose(getattr(again, name), getattr(moved, name), rtol=1e-4, err_msg=name)
    middle = transform_points(found.rotation, found.translation_mm, np.zeros((2, 1, 3), np.float32))
    assert_allclose(found_camera.project(middle)[0][:, 0], poses.shift_px + 5, rtol=1e-4)


def test_refinements_of_something_else_are_refused(toy_model, pointed_weights, toy_files):
    _, info = load_regressor(pointed_weights)
    refinement = load_refinement(pointed_weights)

    def refiner(changed, told=info):
        return Refiner(changed, told, toy_model, lambda *_: np.zeros((1, 128)))

    assert refiner(refinement).sha256 == {}
    with pytest.raises(ModelFileError, match="expected weights that find points"):
        refiner(refinement, load_regressor(toy_files[1])[1])
    with pytest.raises(ModelFileError, match="expected 68 points, got 3 habits"):
        refiner(replace(refinement, habit_mm=np.zeros((3, 3))))
    other = IdentityMap((("regressed", 4),), np.eye(4), np.zeros(4), np.eye(4), np.zeros(4), np.eye(4))
    with pytest.raises(ModelFileError, match="expected 5 identity coefficients, got 4"):
        refiner(replace(refinement, identity_map=other))
    seeing = IdentityMap(
        (("descriptor", 128),), np.zeros((5, 128)), np.zeros(5), np.eye(5), np.zeros(5), np.eye(5)
    )
    with pytest.raises(ModelFileError, match="recognition network cdcdcdcd"):
        refiner(replace(refinement, identity_map=seeing, recognition="cd" * 32))
