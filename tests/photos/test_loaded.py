"""Overviews of photos."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from monoface.photos.loaded import LoadedImage


def _photo(height, width, scale=1.0):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return LoadedImage(image, "photo", (round(width / scale), round(height / scale)), scale)


@pytest.mark.parametrize("size", [(1535, 20), (700, 900)])
def test_a_small_photo_is_its_own_overview(size):
    photo = _photo(*size)
    assert photo.overview is photo


def test_an_overview_has_the_middle_of_each_block():
    photo = _photo(20, 2309, scale=0.5)
    overview = photo.overview
    assert overview.size_px == (769, 6)
    assert_array_equal(overview.image_srgb, photo.image_srgb[1::3, 1::3][:6, :769])
    assert overview.scale == 0.5 / 3
    assert (overview.name, overview.original_size_px) == ("photo", (4618, 40))


def test_or_the_mean_of_the_two_around_it():
    photo = _photo(10, 3073)
    pixels = photo.image_srgb.astype(int)
    expected = (pixels[1::4, 1::4][:2, :768] + pixels[2::4, 2::4][:2, :768]) // 2
    assert_array_equal(photo.overview.image_srgb, expected)


def test_places_stay_where_they_are():
    """A ramp is at every place of the overview what it is there in the photo."""
    for width in (1600, 2400, 3200):
        ramp = np.broadcast_to((np.arange(width) + 0.5)[None, :, None] / width * 250, (40, width, 3))
        photo = LoadedImage(ramp.round().astype(np.uint8), "ramp", (width, 40), 1.0)
        overview = photo.overview
        x = (np.arange(overview.size_px[0]) + 0.5) / overview.scale
        assert np.abs(overview.image_srgb[0, :, 0] - x / width * 250).max() <= 1


def test_a_pickle_has_no_overview():
    photo = _photo(16, 1600)
    assert photo.overview is not photo
    again = pickle.loads(pickle.dumps(photo))
    assert "overview" not in vars(again)
    assert_array_equal(again.image_srgb, photo.image_srgb)
