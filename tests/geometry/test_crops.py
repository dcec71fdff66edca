import time

import numpy as np
import pytest
from crop_points import crop_to_photo
from numpy.testing import assert_allclose, assert_array_equal

from monoface.geometry.crops import crop_and_resize, photo_to_crop, unclip_square


def gradient_photo(height=90, width=140):
    """Red is x, green is y (of the pixel's centre, in pixels), blue is constant."""
    y, x = np.mgrid[:height, :width] + 0.5
    return np.stack([x, y, np.full_like(x, 200)], axis=-1).round().astype(np.uint8)


def noise_photo(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def supersampled_crop(image, box, size, factor=16):
    """The triangle filter by its integral: every source pixel weighted at its centre."""
    left, top, right, bottom = box
    padded = np.pad(image.astype(float), ((200, 200), (200, 200), (0, 0)))

    def weights(low, high, extent):
        scale = (high - low) / size
        support = max(scale, 1.0)
        centres = low + (np.arange(size) + 0.5) * scale
        source = np.arange(extent) - 200 + 0.5
        table = np.clip(1 - abs(source[None] - centres[:, None]) / support, 0, None)
        return table / table.sum(axis=1, keepdims=True)

    rows = weights(top, bottom, padded.shape[0])
    columns = weights(left, right, padded.shape[1])
    return np.einsum("ih,hwc,jw->ijc", rows, padded, columns, optimize=True)


def test_a_crop_of_its_own_size_is_the_cut_out_itself():
    image = noise_photo(50, 70)
    assert_array_equal(crop_and_resize(image, np.array([20.0, 7.0, 52.0, 39.0]), 32), image[7:39, 20:52])


def test_edges_of_the_box_become_edges_of_the_crop():
    crop = crop_and_resize(gradient_photo(), np.array([10.0, 20.0, 74.0, 84.0]), 32)
    # Crop pixel i covers photo pixels 2 i and 2 i + 1 from the edge on: its centre is at 2 i + 1.
    assert_allclose(crop[16, :, 0], 10 + 2 * np.arange(32) + 1, atol=1)
    assert_allclose(crop[:, 16, 1], 20 + 2 * np.arange(32) + 1, atol=1)


@pytest.mark.parametrize(
    "box",
    [
        (10.3, 5.6, 90.1, 77.7),
        (-30.5, -20.25, 60.0, 70.25),
        (100.0, 50.0, 190.0, 140.0),
        (60.2, 40.7, 75.4, 55.9),
        (10.0, 30.0, 150.0, 60.0),
    ],
)
def test_agrees_with_the_triangle_filter_summed_by_hand(box):
    image = noise_photo(90, 140)
    expected = supersampled_crop(image, box, 24)
    assert_allclose(crop_and_resize(image, np.array(box), 24), expected, atol=1.01)


def test_averaging_in_blocks_first_changes_little():
    # A smooth picture: noise would show the blocks' square filter itself.
    y, x = np.mgrid[:1400, :1800]
    smooth = np.stack([128 + 100 * np.sin(x / 90), 128 + 100 * np.cos(y / 70), (x + y) / 13], axis=-1)
    image = smooth.astype(np.uint8)
    box = np.array([-150.3, 120.2, 1720.8, 1391.6])
    crop = crop_and_resize(image, box, 40).astype(float)
    for row, column in [(5, 10), (20, 20), (38, 35), (1, 39)]:
        centre = crop_to_photo(np.array([[column + 0.5, row + 0.5]]), box, 40)[0]
        inside = smooth[int(centre[1]), int(centre[0])]
        assert_allclose(crop[row, column], inside, atol=6)


def test_outside_of_the_photo_is_black():
    image = np.full((40, 60, 3), 255, dtype=np.uint8)
    crop = crop_and_resize(image, np.array([-40.0, -40.0, 40.0, 40.0]), 80)
    assert crop[:39].max() == 0
    assert crop[:, :39].max() == 0
    assert crop[41:, 41:].min() == 255
    assert crop_and_resize(image, np.array([500.0, 500.0, 600.0, 600.0]), 16).max() == 0


def test_a_box_far_larger_than_the_photo_needs_no_memory_to_match():
    image = np.full((50, 50, 3), 255, dtype=np.uint8)
    crop = crop_and_resize(image, np.array([-1e7, -1e7, 1e7, 1e7]), 120)
    assert crop.shape == (120, 120, 3)
    assert crop.max() == 0


def test_mean_brightness_survives_blocks_cut_by_the_border():
    image = np.full((1003, 1501, 3), 240, dtype=np.uint8)
    crop = crop_and_resize(image, np.array([-250.0, -300.0, 1750.0, 1700.0]), 20)
    assert_allclose(crop.astype(float).sum() / 3, 240 * 1003 * 1501 / 100**2, rtol=0.01)


def test_points_go_with_the_picture():
    image = np.zeros((90, 140, 3), dtype=np.uint8)
    image[61, 33] = 255
    box = np.array([20.0, 40.0, 50.0, 70.0])
    crop = crop_and_resize(image, box, 120).astype(float)[..., 0]
    y, x = np.mgrid[:120, :120] + 0.5
    centroid = np.array([[(crop * x).sum(), (crop * y).sum()]]) / crop.sum()
    assert_allclose(crop_to_photo(centroid, box, 120), [[33.5, 61.5]], atol=0.02)


def test_into_the_crop_and_back():
    generator = np.random.default_rng(1)
    points = generator.normal(size=(3, 7, 2)) * 100
    boxes = np.array([[0.0, 0, 10, 20], [-5, 3, 400, 300.5], [1.25, 2.5, 3.75, 4.5]])
    assert_allclose(crop_to_photo(photo_to_crop(points, boxes, 120), boxes, 120), points, atol=1e-9)
    corners = boxes.reshape(3, 2, 2)
    assert_allclose(
        photo_to_crop(corners, boxes, 120), np.broadcast_to([[0, 0], [120, 120]], (3, 2, 2)), atol=1e-9
    )


@pytest.mark.parametrize(
    ("clipped", "whole"),
    [
        ((10, 20, 60, 70), (10, 20, 60, 70)),
        ((130, 20, 200, 120), (130, 20, 230, 120)),
        ((0, 20, 70, 120), (-30, 20, 70, 120)),
        ((20, 60, 120, 150), (20, 60, 120, 160)),
        ((20, 0, 120, 90), (20, -10, 120, 90)),
        ((30, 0, 200, 150), (30, -10, 200, 160)),
    ],
)
def test_a_clipped_square_is_made_whole(clipped, whole):
    box = np.array(clipped, dtype=np.float32)
    assert_array_equal(unclip_square(box, 200, 150), np.array(whole, dtype=np.float32))
    assert_array_equal(box, np.array(clipped))


@pytest.mark.parametrize("box", [(0, 0, 0, 10), (5, 0, 4, 10), (0, 0, np.nan, 10), (0, 0, np.inf, 10)])
def test_boxes_without_area_are_refused(box):
    with pytest.raises(ValueError, match="expected finite left < right"):
        crop_and_resize(noise_photo(20, 20), np.array(box, dtype=float), 8)


def test_a_face_in_a_photo_is_cropped_in_about_a_millisecond():
    image = noise_photo(450, 450)
    box = np.array([60.5, 70.25, 380.0, 390.0])
    crop_and_resize(image, box, 120)
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        crop_and_resize(image, box, 120)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 5e-3
