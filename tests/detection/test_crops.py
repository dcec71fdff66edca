"""Square crops: coordinates there and back, and pixels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from monoface.core.errors import ImageError
from monoface.detection.crops import SquareCrop, direction_rad, photo_from_array


def test_the_corners_of_a_crop_by_hand():
    crop = SquareCrop((30.0, 20.0), 10.0)
    assert_allclose(
        crop.to_photo(np.array([[0.0, 0.0], [5.0, 5.0], [0.0, 5.0]]), 5), [[25, 15], [35, 25], [25, 25]]
    )


def test_a_quarter_turn_by_hand():
    crop = SquareCrop((0.0, 0.0), 2.0, math.pi / 2)
    assert_allclose(crop.to_photo(np.array([[2.0, 1.0]]), 2), [[0, 1]], atol=1e-12)


def test_depth_only_changes_its_scale():
    point = np.array([[1.0, 1.0, 3.0]])
    assert_allclose(SquareCrop((7.0, 8.0), 4.0, 0.3).to_photo(point, 2), [[7, 8, 6]])


@given(st.floats(-50, 500), st.floats(-50, 500), st.floats(1, 900), st.floats(-4, 4), st.integers(8, 256))
def test_there_and_back(x, y, side, roll, size):
    crop = SquareCrop((x, y), side, roll)
    points = np.array([[0.0, 0.0], [size / 3, size], [-4.0, 11.5]])
    assert_allclose(crop.from_photo(crop.to_photo(points, size), size), points, atol=1e-8 * size)


def test_a_crop_around_points_holds_them_with_its_margin(noise):
    points = noise.uniform(0, 300, (20, 2))
    crop = SquareCrop.around_points(points, 1.5, 0.4)
    inside = crop.from_photo(points, 100)
    assert_allclose((inside.max(axis=0) - inside.min(axis=0)).max(), 100 / 1.5)
    assert_allclose(inside.max(axis=0) + inside.min(axis=0), [100, 100])


def test_a_crop_at_its_own_scale_is_a_slice(noise):
    pixels = noise.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    cut = SquareCrop((30.0, 21.0), 16.0).sample(Image.fromarray(pixels), 16)
    assert_array_equal(cut, pixels[13:29, 22:38])


def test_a_quarter_turn_of_pixels(noise):
    pixels = noise.integers(0, 256, (24, 24, 3), dtype=np.uint8)
    turned = SquareCrop((12.0, 12.0), 24.0, math.pi / 2).sample(Image.fromarray(pixels), 24)
    assert np.abs(turned.astype(int) - np.rot90(pixels)).max() <= 1


def test_shrinking_does_not_alias():
    stripes = np.zeros((512, 512, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    small = SquareCrop((256.0, 256.0), 512.0).sample(Image.fromarray(stripes), 64)
    assert np.abs(small.astype(int) - 127).max() <= 1


def test_outside_the_photo_is_black():
    white = Image.new("RGB", (10, 10), "white")
    corner = SquareCrop((0.0, 0.0), 10.0).sample(white, 10)
    assert_array_equal(corner[:4], 0)
    assert_array_equal(corner[6:, 6:], 255)
    assert_array_equal(SquareCrop((100.0, 0.0), 10.0).sample(white, 10), 0)


def test_directions_turn_clockwise_as_seen():
    origin = np.zeros(2)
    assert direction_rad(origin, np.array([3.0, 0.0])) == 0
    assert direction_rad(origin, np.array([0.0, 2.0])) == pytest.approx(math.pi / 2)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 5), dtype=np.uint8),
        np.zeros((4, 5, 4), dtype=np.uint8),
        np.zeros((0, 5, 3), dtype=np.uint8),
        np.zeros((4, 5, 3), dtype=np.float32),
    ],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(ImageError, match="non-empty uint8 array"):
        photo_from_array(image)
