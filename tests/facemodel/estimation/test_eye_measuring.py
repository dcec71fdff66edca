"""Lids and eyeballs set by what is seen: faces that are drawn with known eyes come back."""

from dataclasses import replace

import numpy as np
import pytest

from monoface.facemodel import FaceModel
from monoface.facemodel.estimation.eye_measuring import EyeMeasures, SeenEyes
from monoface.facemodel.estimation.marked_poses import rotation_of_yaw
from monoface.facemodel.estimation.point_model import PointModel
from monoface.facemodel.estimation.poses import Poses

POINTS = np.array((36, 39, 37, 38, 40, 41, 45, 42, 44, 43, 47, 46))


@pytest.fixture(scope="module")
def measures(face_model):
    points = PointModel.of(face_model, face_model.landmarks("ibug68_reannotated"))
    return EyeMeasures.of(face_model, points.chosen(POINTS))


@pytest.fixture(scope="module")
def columns(face_model):
    return face_model.expression_names.index


def posed(face_model, yaw_deg=0.0, people=3):
    rng = np.random.default_rng(0)
    identity = rng.standard_normal((people, face_model.identity_size)) * 0.7
    rotation = rotation_of_yaw(np.deg2rad(np.full(people, float(yaw_deg))))
    expression = np.zeros((people, face_model.expression_size))
    return identity, Poses(rotation, np.full(people, 2.0), np.full((people, 2), 300.0), expression)


def seen_of(measures, identity, poses, gaze_deg=0.0, shift_px=(0.0, 0.0)):
    """What a perfect network sees of faces whose eyes look aside, towards the subject's left."""
    gap = measures._gaps_px(identity, poses, poses.expression)
    corners = measures.corners_px(identity, poses)
    angle = np.deg2rad(gaze_deg)
    ray = measures.balls.radius_mm * np.array((np.sin(angle), 0.0, np.cos(angle)))
    iris = (measures.balls.centres(identity)[:, ::-1] + ray) @ poses.rotation.transpose(0, 2, 1)
    iris_px = iris[..., :2] * poses.scale_px[:, None, None] + poses.shift_px[:, None]
    return SeenEyes(np.maximum(gap, 0), iris_px + shift_px, corners + shift_px, np.zeros_like(gap))


@pytest.mark.parametrize("yaw_deg", [0.0, 30.0, -30.0])
@pytest.mark.parametrize(("right", "left"), [(0.0, 0.0), (1.0, 1.0), (0.9, 0.05), (0.3, 0.6)])
def test_each_lid_comes_back(face_model, measures, columns, right, left, yaw_deg):
    identity, poses = posed(face_model, yaw_deg)
    true = poses.expression.copy()
    true[:, columns("eyeBlinkRight")], true[:, columns("eyeBlinkLeft")] = right, left
    seen = seen_of(measures, identity, replace(poses, expression=true))
    found = measures(identity, poses, seen)
    # Shut lids touch, and need not be shut further: a gap below 0 is none.
    np.testing.assert_allclose(found[:, measures.blink], true[:, measures.blink], atol=0.06)
    assert found[:, measures.wide].max() < 1e-6


def test_wide_eyes_come_back(face_model, measures):
    identity, poses = posed(face_model)
    true = poses.expression.copy()
    true[:, measures.wide] = (0.7, 0.4)
    found = measures(identity, poses, seen_of(measures, identity, replace(poses, expression=true)))
    np.testing.assert_allclose(found[:, measures.wide], true[:, measures.wide], atol=0.01)
    assert found[:, measures.blink].max() == 0


@pytest.mark.parametrize("gaze_deg", [-20.0, 0.0, 12.0])
@pytest.mark.parametrize("shift_px", [(0.0, 0.0), (4.0, -3.0)])
def test_eyes_look_aside_as_seen_even_where_the_face_lies_beside_the_photo(
    face_model, measures, gaze_deg, shift_px
):
    identity, poses = posed(face_model, yaw_deg=15.0)
    found = measures(identity, poses, seen_of(measures, identity, poses, gaze_deg, shift_px))
    inward, outward = found[:, measures.looks].transpose(2, 0, 1)
    turn_in, turn_out = measures.balls.turn_rad[:2]
    # Towards the subject's left is in for the right eye and out for the left one.
    right = np.rad2deg(inward[:, 0] * turn_in - outward[:, 0] * turn_out)
    left = np.rad2deg(outward[:, 1] * turn_out - inward[:, 1] * turn_in)
    np.testing.assert_allclose(right, gaze_deg, atol=1.5)
    np.testing.assert_allclose(left, gaze_deg, atol=1.5)


def test_other_expressions_stay(face_model, measures):
    identity, poses = posed(face_model)
    poses = replace(poses, expression=np.full_like(poses.expression, 0.2))
    found = measures(identity, poses, seen_of(measures, identity, poses, 10.0))
    kept = np.setdiff1d(
        np.arange(face_model.expression_size),
        np.concatenate((measures.blink, measures.wide, measures.looks.ravel())),
    )
    np.testing.assert_array_equal(found[:, kept], poses.expression[:, kept])


def test_in_profile_eyes_are_left_alone_and_a_hidden_one_does_what_the_other_does(
    face_model, measures, columns
):
    identity, poses = posed(face_model, yaw_deg=80.0)
    seen = seen_of(measures, identity, poses, 20.0)
    np.testing.assert_array_equal(measures(identity, poses, seen), poses.expression)
    assert not measures.readable(poses, seen).any()

    identity, poses = posed(face_model, yaw_deg=48.0)
    true = poses.expression.copy()
    true[:, measures.blink] = 1.0
    seen = seen_of(measures, identity, replace(poses, expression=true))
    far = int(np.argmin(np.linalg.norm(np.diff(seen.corners_px[0], axis=1), axis=-1)[:, 0]))
    corners, gap = seen.corners_px.copy(), seen.gap_px.copy()
    middle = corners[:, far].mean(axis=1, keepdims=True)
    corners[:, far] = middle + 0.3 * (corners[:, far] - middle)
    gap[:, far] = 40.0
    seen = replace(seen, corners_px=corners, gap_px=gap)
    assert measures.readable(poses, seen).tolist() == 3 * [[far != 0, far != 1]]
    assert measures(identity, poses, seen)[:, measures.blink].min() > 0.9


def test_models_whose_eyes_do_not_turn_have_no_measures(face_model):
    still = FaceModel(replace(face_model.data, eyes={}))
    assert EyeMeasures.of(still, PointModel.of(still, still.landmarks("ibug68_reannotated"))) is None
