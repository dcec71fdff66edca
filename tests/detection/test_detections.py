"""Squares for regressors, of heads of any roll."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.detection import Detection
from monoface.detection.face_box import estimate_face_box

# A frontal head, in units of the distance of its eyes; and one that looks to image left, whose eyes meet.
FRONTAL = np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, 0.6], [0.0, 1.1], [-1.05, 0.2], [1.05, 0.2]])
PROFILE = np.array([[-0.4, 0.0], [-0.3, 0.0], [-0.8, 0.5], [-0.5, 1.1], [0.9, 0.2], [0.8, 0.3]])


def turned(keypoints, roll_rad):
    cosine, sine = math.cos(roll_rad), math.sin(roll_rad)
    return keypoints @ np.array([[cosine, sine], [-sine, cosine]])


def detection(keypoints):
    keypoints_px = 40 * keypoints + (200, 150)
    box = estimate_face_box(keypoints_px)
    return Detection(box, 0.9, keypoints_px, box)


@pytest.mark.parametrize("keypoints", [FRONTAL, PROFILE], ids=["frontal", "profile"])
@pytest.mark.parametrize("roll_deg", [30, 90, 179, -60, -150])
def test_a_turned_head_gets_the_square_that_it_would_have_upright(keypoints, roll_deg):
    roll_rad = math.radians(roll_deg)
    (upright,) = detection(keypoints).roi_crops()
    (crop,) = detection(turned(keypoints, roll_rad)).roi_crops()
    assert upright.roll_rad == 0
    away_rad = (crop.roll_rad - roll_rad + math.pi) % (2 * math.pi) - math.pi
    assert abs(away_rad) < math.radians(12 if keypoints is PROFILE else 1e-3)
    assert_allclose(crop.side_px, upright.side_px, rtol=0.08)
    expected = turned(np.array([upright.centre_px]) - (200, 150), roll_rad)[0] + (200, 150)
    assert np.linalg.norm(crop.centre_px - expected) < 0.08 * crop.side_px


@pytest.mark.parametrize("roll_deg", [0, 15, -24])
def test_a_tilted_head_keeps_the_level_square_of_its_box(roll_deg):
    one = detection(turned(FRONTAL, math.radians(roll_deg)))
    (crop,) = one.roi_crops()
    square = one.roi_box()
    assert crop.roll_rad == 0
    assert_allclose(crop.centre_px, (square[:2] + square[2:]) / 2)
    assert_allclose(crop.side_px, square[2] - square[0])


def test_keypoints_that_contradict_each_other_leave_two_rolls():
    keypoints = FRONTAL.copy()
    keypoints[3] = (1.1, 0.0)
    rolls_deg = [math.degrees(crop.roll_rad) for crop in detection(keypoints).roi_crops()]
    assert_allclose(rolls_deg, (0, -90), atol=1e-9)


def test_keypoints_in_one_place_tell_of_no_roll():
    middle = np.tile([30.0, 40.0], (6, 1))
    box = np.array([10.0, 20.0, 50.0, 60.0])
    (crop,) = Detection(box, 1.0, middle, box).roi_crops()
    assert crop.roll_rad == 0
    assert_allclose(crop.centre_px, (30, 40))
