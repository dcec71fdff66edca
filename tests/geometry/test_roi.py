import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.geometry.roi import box_of_points, next_roi, roi_of_box, same_face

FIRST = np.array([0.0, 0.0, 100.0, 100.0])


def test_square_has_the_box_in_its_middle():
    half = 60 * math.sqrt(2) / 2
    assert_allclose(
        roi_of_box(np.array([10.0, 20.0, 50.0, 80.0])), (30 - half, 50 - half, 30 + half, 50 + half)
    )


def test_square_follows_the_box(rng):
    box = np.array([3.0, 4.0, 30.0, 21.0])
    moved = roi_of_box(box * 3 + 7)
    assert_allclose(moved, roi_of_box(box) * 3 + 7)


def test_a_box_without_area_still_gives_a_square():
    roi = roi_of_box(np.array([5.0, 5.0, 5.0, 5.0]))
    assert roi[2] - roi[0] == pytest.approx(math.sqrt(2))


def test_second_square_is_that_of_the_landmarks():
    points = np.array([[30.0, 20.0], [80.0, 70.0], [60.0, 40.0]])
    assert_allclose(next_roi(points, FIRST), roi_of_box(box_of_points(points)))


@pytest.mark.parametrize(
    "points",
    [
        np.array([[200.0, 20.0], [260.0, 80.0]]),
        np.array([[49.0, 49.0], [51.0, 51.0]]),
        np.array([[-150.0, -150.0], [250.0, 250.0]]),
        np.array([[np.nan, 20.0], [80.0, 70.0]]),
    ],
    ids=["elsewhere", "far smaller", "far larger", "not finite"],
)
def test_landmarks_that_ran_away_are_not_followed(points):
    assert next_roi(points, FIRST) is FIRST


def test_same_face_needs_nearly_the_same_box():
    assert same_face(FIRST, FIRST + 5)
    assert not same_face(FIRST, FIRST + 30)
    assert not same_face(FIRST, FIRST + 200)
    assert not same_face(FIRST, np.array([30.0, 30.0, 70.0, 70.0]))
