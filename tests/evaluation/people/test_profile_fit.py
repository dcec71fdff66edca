"""Shapes posed on profiles whose points were made from known people of the face model."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from monoface.data.sources.cfp import LOOKS_LEFT_68, LOOKS_RIGHT_68
from monoface.evaluation.people.profile_fit import MarkedProfiles, ProfileFitter

PEOPLE, PHOTOS = 5, 4
HABIT_MM = np.random.default_rng(3).normal(0, 1.5, (22, 2))


def turned(yaw_rad, pitch_rad):
    cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
    about_y = np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])
    cosine, sine = np.cos(pitch_rad), np.sin(pitch_rad)
    about_x = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    return np.diag([1.0, -1.0, -1.0]) @ about_x @ about_y


def profiles_of(model, identity, noise_mm=0.5, habit_mm=0.0):
    """Marks on profiles of people, two to either side."""
    rng = np.random.default_rng(0)
    points_px, sides, person = [], [], []
    landmarks = model.landmarks("ibug68_reannotated")
    for one in range(len(identity)):
        for photo in range(PHOTOS):
            left = photo % 2 == 0
            expression = torch.from_numpy(rng.uniform(0, 0.12, (1, model.expression_size))).float()
            verts = model.shape(torch.from_numpy(identity[one : one + 1]).float(), expression)
            points = landmarks.points(verts)[0].numpy()[list(LOOKS_LEFT_68 if left else LOOKS_RIGHT_68)]
            yaw = rng.uniform(1.1, 1.5) * (1 if left else -1)
            flat = (points @ turned(yaw, rng.uniform(-0.2, 0.2)).T)[:, :2]
            sign = np.array([1.0 if left else -1.0, 1.0])
            flat = flat + sign * habit_mm + rng.normal(0, noise_mm, flat.shape)
            points_px.append(1.7 * flat + rng.uniform(80, 120, 2))
            sides.append(left)
            person.append(one)
    return MarkedProfiles(np.array(points_px), np.array(sides), np.array(person))


@pytest.fixture(scope="module")
def identity(face_model):
    return np.random.default_rng(1).normal(size=(PEOPLE, face_model.identity_size))


@pytest.fixture(scope="module")
def fitter(face_model, identity):
    return ProfileFitter(face_model, profiles_of(face_model, identity))


def test_the_true_shapes_lie_nearer_than_the_mean_face_and_others(fitter, identity):
    true = fitter.pose(identity).distance_mm.mean()
    mean_face = fitter.pose().distance_mm.mean()
    others = fitter.pose(np.roll(identity, 1, axis=0)).distance_mm.mean()
    assert true < 1.0
    assert true < 0.75 * min(mean_face, others)


def test_the_mean_face_is_the_shape_without_identity(fitter, identity):
    assert_allclose(fitter.pose().distance_mm, fitter.pose(np.zeros_like(identity)).distance_mm)


def test_a_fit_explains_its_own_profiles_best(fitter, identity):
    fitted = fitter.fit()
    assert fitter.pose(fitted).distance_mm.mean() < 0.75 * fitter.pose().distance_mm.mean()
    # It is the person's shape that it finds, not just any.
    cosine = (fitted * identity).sum(1) / np.linalg.norm(fitted, axis=1) / np.linalg.norm(identity, axis=1)
    assert (cosine > 0.2).all()
    assert cosine.mean() > 0.35


def test_habits_of_annotators_are_taken_off_on_both_sides(face_model, identity):
    plain = ProfileFitter(face_model, profiles_of(face_model, identity, noise_mm=0.1))
    moved = ProfileFitter(face_model, profiles_of(face_model, identity, noise_mm=0.1, habit_mm=HABIT_MM))
    difference = moved.habit_mm - plain.habit_mm
    # What a pose or an expression can take up is no habit; the rest is found again.
    assert np.corrcoef(difference.ravel(), HABIT_MM.ravel())[0, 1] > 0.7
    without = moved.pose(identity).distance_mm.mean()
    assert without < 1.3 * plain.pose(identity).distance_mm.mean() + 0.3


def test_points_are_where_the_distance_says(fitter, identity):
    posed = fitter.pose(identity)
    away_px = np.linalg.norm(posed.points_px - fitter.profiles.points_px, axis=-1)
    scale = away_px / posed.distance_mm
    assert_allclose(scale, np.broadcast_to(scale[:, :1], scale.shape), rtol=1e-6)
    assert 1.4 < scale.mean() < 2.0


def test_one_side_alone_is_enough(face_model, identity):
    both = profiles_of(face_model, identity)
    rows = np.flatnonzero(both.looks_left)
    left = MarkedProfiles(both.points_px[rows], both.looks_left[rows], both.person[rows])
    posed = ProfileFitter(face_model, left).pose(identity)
    assert np.isfinite(posed.distance_mm).all()


def test_the_evidence_of_profiles_leads_to_the_fit(fitter):
    """Half of it with the face model's prior, gathered around the fit, is solved by the fit itself."""
    fitted = fitter.fit()
    information, vector = fitter.evidence(fitted)
    size = fitted.shape[1]
    solved = np.linalg.solve(0.5 * information + np.eye(size), 0.5 * vector[..., None])[..., 0]
    distance = fitter.pose(solved).distance_mm.mean()
    assert_allclose(distance, fitter.pose(fitted).distance_mm.mean(), atol=0.03)
    assert np.abs(solved - fitted).max() < 0.3
