"""Intersection over union, by hand and against sets of pixels, and its intervals over people."""

import numpy as np
import pytest

from monoface.metrics.segmentation import bootstrap_iou, class_overlap, intersection_over_union

TRUE = np.array([[[0, 0, 1], [1, 1, 255]]], np.uint8)
FOUND = np.array([[[0, 1, 1], [1, 0, 2]]], np.uint8)


def test_by_hand():
    """Class 0: one of three pixels; class 1: two of four; class 2 only where nothing is known."""
    both, either = class_overlap(FOUND, TRUE, 3)
    np.testing.assert_array_equal(both, [[1, 2, 0]])
    np.testing.assert_array_equal(either, [[3, 4, 0]])
    np.testing.assert_allclose(intersection_over_union(both, either), [1 / 3, 1 / 2, np.nan])


def test_it_agrees_with_sets_of_pixels():
    rng = np.random.default_rng(1)
    true, found = rng.integers(0, 4, (2, 3, 5, 7)).astype(np.uint8)
    overlap = intersection_over_union(*class_overlap(found, true, 4))
    for index in range(4):
        meant, given = (set(np.flatnonzero(mask == index)) for mask in (true, found))
        assert overlap[index] == pytest.approx(len(meant & given) / len(meant | given))


def test_photos_count_by_their_pixels_and_not_one_by_one():
    both, either = np.array([[1], [90]]), np.array([[10], [100]])
    assert intersection_over_union(both, either)[0] == pytest.approx(91 / 110)


def test_equal_people_leave_no_doubt():
    both, either = np.tile([[3, 5]], (6, 1)), np.tile([[4, 10]], (6, 1))
    by_class, mean = bootstrap_iou(both, either, np.array([1, 1, 2, 2, 3, 3]))
    assert [(one.low, one.high) for one in by_class] == [(0.75, 0.75), (0.5, 0.5)]
    assert (mean.low, mean.high) == (0.625, 0.625)


def test_photos_of_one_person_are_drawn_together():
    """Ten photos of two people: drawn one by one they would hardly ever be all good or all bad."""
    both = np.repeat([[0], [10]], 5, axis=0)
    (interval,), _ = bootstrap_iou(both, np.full((10, 1), 10), np.repeat([7, 8], 5))
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_a_class_that_nobody_has_does_not_count_in_the_mean():
    by_class, mean = bootstrap_iou(np.array([[2, 0]]), np.array([[4, 0]]), np.array([1]))
    assert np.isnan(by_class[1].low)
    assert mean.low == mean.high == 0.5
