import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.core.errors import DataError
from monoface.metrics import AFLW_NORMALISER_PX, box_normaliser, nme, nme_3d


@pytest.fixture
def truth():
    """Two photos of three points; boxes of 4 x 9 and 10 x 10 pixels."""
    return np.array([[[0.0, 0], [4, 9], [2, 3]], [[10, 10], [20, 20], [12, 18]]])


def test_normaliser_is_the_root_of_the_area_of_the_box(truth):
    assert_allclose(box_normaliser(truth), [6, 10])
    with_depth = np.concatenate([truth, np.full((2, 3, 1), 50.0)], axis=-1)
    assert_allclose(box_normaliser(with_depth), [6, 10])


def test_nme_by_hand(truth):
    predicted = truth.copy()
    predicted[0, 0] += (3, 4)
    predicted[1] += (0, 2)
    # Distances 5, 0, 0 over 6 and 2, 2, 2 over 10.
    assert_allclose(nme(predicted, truth, box_normaliser(truth)), [5 / 3 / 6, 0.2])


def test_invisible_points_are_skipped(truth):
    truth[0, 1:] = np.nan
    truth[1] = np.nan
    predicted = np.nan_to_num(truth) + np.array([0.0, 3.0])
    assert_allclose(nme(predicted, truth, 6.0), [0.5, np.nan])


def test_what_was_not_predicted_is_no_error_of_zero(truth):
    predicted = truth.copy()
    predicted[1, 2, 0] = np.nan
    assert_allclose(nme(predicted, truth, 6.0), [0.0, np.nan])
    predicted[1, 2, 0] = np.inf
    assert_allclose(nme(predicted, truth, 6.0), [0.0, np.nan])


def test_nme_does_not_depend_on_scale_and_place():
    generator = np.random.default_rng(3)
    truth = generator.normal(size=(5, 68, 2))
    predicted = truth + 0.1 * generator.normal(size=truth.shape)
    before = nme(predicted, truth, box_normaliser(truth))
    moved_truth, moved = truth * 7 + (100, 3), predicted * 7 + (100, 3)
    assert_allclose(nme(moved, moved_truth, box_normaliser(moved_truth)), before)


def test_depth_counts_from_the_smallest():
    truth = np.array([[[0.0, 0, 100], [4, 9, 110]]])
    predicted = np.array([[[0.0, 0, -7], [4, 9, 6]]])
    # Depths 0, 10 against 0, 13.
    assert_allclose(nme_3d(predicted, truth, box_normaliser(truth)), [1.5 / 6])
    assert_allclose(nme_3d(truth + np.array([0, 0, 55]), truth, 6.0), [0])


def test_three_dimensions_agree_with_two_where_depth_is_right():
    generator = np.random.default_rng(4)
    truth = generator.normal(size=(3, 68, 3))
    predicted = truth + np.concatenate([generator.normal(size=(3, 68, 2)), np.zeros((3, 68, 1))], axis=-1)
    flat = nme(predicted[..., :2], truth[..., :2], 1.0)
    assert_allclose(nme_3d(predicted, truth, 1.0), flat)


def test_normaliser_of_aflw():
    assert math.isclose(AFLW_NORMALISER_PX, 84.852814, rel_tol=1e-7)


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_boxes_without_area_are_refused(truth, bad):
    truth[1, :, 0] = bad
    with pytest.raises(DataError, match="bounding box with area in every photo, got none in photo 1"):
        box_normaliser(truth)


def test_arguments_stay_as_they_are(truth):
    before = truth.copy()
    depth = np.concatenate([truth, np.ones((2, 3, 1))], axis=-1)
    nme(truth, truth, 1.0)
    nme_3d(depth, depth, 1.0)
    assert (truth == before).all()
    assert (depth[..., 2] == 1).all()
