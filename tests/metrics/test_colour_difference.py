"""CIELAB of linear RGB, and what is measured in it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage.color import rgb2lab

from monoface.metrics.colour_difference import delta_e, linear_to_lab, typology_angle_deg


def test_white_and_middle_grey_by_hand():
    found = linear_to_lab(np.array([[1.0, 1.0, 1.0], [0.18, 0.18, 0.18], [0.0, 0.0, 0.0]]))
    assert_allclose(found[:, 0], [100.0, 116 * 0.18 ** (1 / 3) - 16, 0.0], atol=1e-9)
    assert_allclose(found[:, 1:], 0.0, atol=1e-9)


def test_agrees_with_scikit_image():
    srgb = np.random.default_rng(0).random((50, 3))
    linear = np.where(srgb > 0.04045, ((srgb + 0.055) / 1.055) ** 2.4, srgb / 12.92)
    # Its white point is rounded otherwise.
    assert_allclose(linear_to_lab(linear), rgb2lab(srgb), atol=0.05)


def test_difference_is_a_distance():
    grey, lighter = np.array([0.2, 0.2, 0.2]), np.array([0.3, 0.3, 0.3])
    assert delta_e(grey, grey) == 0
    assert_allclose(delta_e(grey, lighter), 116 * (0.3 ** (1 / 3) - 0.2 ** (1 / 3)))


@pytest.mark.parametrize("tint", [(1.3, 1.0, 0.7), (1.6, 1.0, 0.6)])
def test_lighter_skin_has_a_larger_angle(tint):
    skin = np.array([0.05, 0.15, 0.3, 0.55])[:, None] * np.array(tint)
    angles = typology_angle_deg(skin)
    assert (np.diff(angles) > 0).all()
    assert -90 < angles[0] < 0 < angles[-1] < 90
