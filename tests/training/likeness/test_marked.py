"""Measured faces against marks."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.refinement import RefinedFaces
from monoface.training.likeness.marked import MarkedFaces, MarkJudge

COUNT = 12


@pytest.fixture(scope="module")
def faces(face_model):
    """Faces that look at the camera with mouths open to different degrees."""
    rng = np.random.default_rng(0)
    identity = rng.normal(size=(COUNT, face_model.identity_size))
    names = face_model.expression_names
    expression = np.zeros((COUNT, len(names)))
    expression[:, names.index("jawOpen")] = np.linspace(0, 0.9, COUNT)
    for side in ("Left", "Right"):
        expression[:, names.index(f"eyeBlink{side}")] = rng.uniform(0, 1, COUNT)
    rotation = np.tile(np.diag([1.0, -1.0, -1.0]), (COUNT, 1, 1))
    poses = Poses(rotation, np.full(COUNT, 1.5), np.full((COUNT, 2), 150.0), expression)
    covariance = np.tile(0.04 * np.eye(identity.shape[1]), (COUNT, 1, 1))
    small = np.tile(1e-6 * np.eye(len(names)), (COUNT, 1, 1))
    return RefinedFaces(identity, covariance, poses, small, np.zeros((COUNT, len(names), identity.shape[1])))


def marks_of(points_px, seen=None):
    seen = np.ones(points_px.shape[:2], dtype=bool) if seen is None else seen
    return MarkedFaces(tuple(map(str, range(COUNT))), lambda row: None, points_px, seen)


@pytest.fixture(scope="module")
def own_points(face_model, faces):
    return MarkJudge(face_model, marks_of(np.zeros((COUNT, 68, 2)))).points_px(faces)


def test_points_are_those_of_the_face_model(face_model, faces, own_points):

    shape = face_model.shape(
        torch.from_numpy(faces.identity[:1]).float(), torch.from_numpy(faces.poses.expression[:1]).float()
    )
    points = face_model.landmarks("ibug68_reannotated").points(shape)[0].numpy()
    assert_allclose(own_points[0], points[:, :2] * (1.5, -1.5) + 150, atol=0.5)


def test_faces_on_their_marks_are_perfect(face_model, faces, own_points):
    score = MarkJudge(face_model, marks_of(own_points))(faces)
    assert score.nme_percent < 1e-6
    assert_allclose((*score.mouth, *score.eyes), 1, atol=1e-6)


def test_marks_that_open_twice_as_far_halve_the_slope(face_model, faces, own_points):
    marks = own_points.copy()
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        marks[:, lower] = marks[:, upper] + 2 * (own_points[:, lower] - own_points[:, upper])
    score = MarkJudge(face_model, marks_of(marks))(faces)
    assert_allclose(score.mouth[0], 1, atol=0.02)
    assert_allclose(score.mouth[1], 0.5, atol=0.06)
    assert score.worth < MarkJudge(face_model, marks_of(own_points))(faces).worth


def test_points_without_a_mark_do_not_count(face_model, faces, own_points):
    marks, seen = own_points.copy(), np.ones((COUNT, 68), dtype=bool)
    marks[:, 40] = np.nan
    marks[:, 30] += 1000
    seen[:, [30, 40]] = False
    judge = MarkJudge(face_model, marks_of(marks, seen))
    assert judge.sigmas_off(faces).max() < 1e-3
    assert len(judge.sigmas_off(faces)) == COUNT * (52 - 2)


def test_sigmas_are_those_of_the_vertices(face_model, faces, own_points):
    """Marks three millimetres away are as many standard deviations away as the vertices have it."""
    judge = MarkJudge(face_model, marks_of(own_points + np.array((4.5, 0.0))))
    found = judge.sigmas_off(faces[np.arange(COUNT)])
    assert 3 / 5 < np.median(found) < 3 / 0.05
    twice = MarkJudge(face_model, marks_of(own_points + np.array((9.0, 0.0)))).sigmas_off(faces)
    assert_allclose(twice, 2 * found, rtol=1e-5)
