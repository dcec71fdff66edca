"""Resampling in numpy agrees with PyTorch's operations, on odd and non-square pictures."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, grid_sample, interpolate
from torch.testing import assert_close

from monoface.geometry.resampling import averaged, halved, resized, sample_bilinear


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(size=(7, 10, 3)).astype(np.float32)


def as_batch(image):
    return torch.from_numpy(image.transpose(2, 0, 1))[None]


def as_image(batch):
    return batch[0].permute(1, 2, 0)


@pytest.mark.parametrize("kind", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(7, 10), (14, 20), (15, 3), (1, 1)])
def test_sizes_change_as_in_torch(image, kind, size):
    expected = interpolate(as_batch(image), size=size, mode=kind, align_corners=False)
    assert_close(torch.from_numpy(resized(image, size, kind)), as_image(expected), rtol=1e-5, atol=1e-5)


def test_points_are_sampled_as_in_torch(image):
    points = np.random.default_rng(1).uniform(-2, 12, (20, 2)).astype(np.float32)
    grid = torch.from_numpy(points) / torch.tensor((10.0, 7.0)) * 2 - 1
    expected = grid_sample(as_batch(image), grid[None, None], padding_mode="border", align_corners=False)
    assert_close(torch.from_numpy(sample_bilinear(image, points)), expected[0, :, 0].T, rtol=1e-5, atol=1e-5)


def test_pixels_centres_are_the_pixels(image):
    found = sample_bilinear(image, np.array(((0.5, 0.5), (9.5, 6.5))))
    np.testing.assert_array_equal(found, image[[0, -1], [0, -1]])


def test_halves_are_means(image):
    assert_close(torch.from_numpy(halved(image)), as_image(avg_pool2d(as_batch(image), 2, ceil_mode=True)))


def test_averages_drop_what_is_left_over(image):
    assert_close(torch.from_numpy(averaged(image, 3)), as_image(avg_pool2d(as_batch(image), 3)))
