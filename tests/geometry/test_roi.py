import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.testing import assert_close

from monoface.geometry.roi import (
    box_iou,
    box_of_points,
    enlarge_box,
    next_roi,
    roi_from_points,
    roi_of_box,
    same_face,
)

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


def test_the_crop_is_the_box_of_the_points_enlarged_by_root_two():
    points = torch.tensor([[[10.0, 20.0], [50.0, 30.0], [30.0, 100.0]]])
    half = 80 / 2**0.5
    assert_close(roi_from_points(points), torch.tensor([[30 - half, 60 - half, 30 + half, 60 + half]]))


def test_squares_of_many_boxes_are_those_of_each(rng):
    points = torch.rand(2, 3, 5, 2, generator=rng) * 100
    squares = roi_from_points(points)
    assert squares.shape == (2, 3, 4)
    assert squares.dtype == points.dtype
    alone = roi_of_box(box_of_points(points[1, 2].double().numpy()))
    assert_allclose(squares[1, 2].numpy(), alone, rtol=1e-6)


def test_squares_are_those_of_the_formulas_that_they_replaced(rng):
    """The formulas of the detector, the labels, and the prepared photos, before there was one."""
    points = torch.rand(7, 9, 2, generator=rng) * 200
    low, high = points.amin(dim=1), points.amax(dim=1)
    centre, half = (low + high) / 2, (high - low).amax(dim=-1, keepdim=True) * (2**0.5 / 2)
    assert_close(roi_from_points(points), torch.cat((centre - half, centre + half), dim=-1))
    for box in np.concatenate((low.numpy(), high.numpy()), axis=1).astype(np.float64):
        middle = (box[:2] + box[2:]) / 2
        half_px = math.sqrt(2) * float((box[2:] - box[:2]).max()) / 2
        assert_allclose(roi_of_box(box), np.concatenate((middle - half_px, middle + half_px)), rtol=1e-14)
        wide = half_px * 160 / 120
        expected = np.concatenate((middle - wide, middle + wide))
        assert_allclose(enlarge_box(roi_of_box(box), 160 / 120), expected, rtol=1e-12)


def test_intersection_over_union_by_hand():
    box = np.array([0.0, 0.0, 2.0, 2.0])
    others = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [1, 0, 2, 1], [2, 0, 4, 2], [5, 5, 5, 5]], dtype=float)
    assert_allclose(box_iou(box, others), [1, 1 / 7, 1 / 4, 0, 0])


def test_empty_boxes_do_not_overlap():
    point = np.array([1.0, 1.0, 1.0, 1.0])
    assert_allclose(box_iou(point, point[None]), [0])
