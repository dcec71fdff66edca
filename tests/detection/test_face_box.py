"""The box of the 68 landmarks from six keypoints."""

import math

import numpy as np
from numpy.testing import assert_allclose

from monoface.detection import Detection
from monoface.detection.face_box import estimate_face_box

# A frontal head, in units of the distance of its eyes.
_FRONTAL = np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, 0.6], [0.0, 1.1], [-1.05, 0.2], [1.05, 0.2]])


def test_a_frontal_box_spans_brows_to_chin_and_ear_to_ear():
    x0, y0, x1, y1 = estimate_face_box(_FRONTAL)
    assert_allclose(x0, -x1)
    assert 0.9 < x1 < 1.3
    assert -0.6 < y0 < -0.2
    assert 1.5 < y1 < 2.1


def test_the_box_moves_and_scales_with_the_keypoints(noise):
    keypoints = _FRONTAL + noise.normal(0, 0.1, (6, 2))
    shift = np.array([30.0, -7.0])
    expected = estimate_face_box(keypoints) * 42 + np.tile(shift, 2)
    assert_allclose(estimate_face_box(keypoints * 42 + shift), expected)


def test_a_mirrored_face_has_the_mirrored_box(noise):
    keypoints = _FRONTAL + noise.normal(0, 0.1, (6, 2))
    mirrored = keypoints[[1, 0, 2, 3, 5, 4]] * [-1, 1]
    x0, y0, x1, y1 = estimate_face_box(keypoints)
    assert_allclose(estimate_face_box(mirrored), [-x1, y0, -x0, y1])


def test_a_quarter_turn_turns_the_box():
    x0, y0, x1, y1 = estimate_face_box(_FRONTAL)
    turned = np.stack([-_FRONTAL[:, 1], _FRONTAL[:, 0]], axis=1)
    assert_allclose(estimate_face_box(turned), [-y1, x0, -y0, x1])


def test_the_crop_of_a_detection_by_hand():
    box = np.array([10.0, 20.0, 30.0, 60.0])
    half = 20 * math.sqrt(2)
    expected = [20 - half, 40 - half, 20 + half, 40 + half]
    assert_allclose(Detection(box, 0.9, _FRONTAL, box).roi_box(), expected)
