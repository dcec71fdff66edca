"""Arrays that are copied while they are looked at."""

import pickle

import numpy as np
from numpy.testing import assert_array_equal

from monoface.photos.copied import CopiedImage
from monoface.photos.loaded import LoadedImage
from monoface.photos.reading import open_photo, read_image


def test_it_is_what_reading_gives():
    array = np.random.default_rng(0).integers(0, 256, (30, 1700, 3), dtype=np.uint8)
    photo, expected = open_photo(array), read_image(array)
    assert isinstance(photo, CopiedImage)
    for name in ("name", "original_size_px", "scale", "exif_focal_px", "size_px"):
        assert getattr(photo, name) == getattr(expected, name)
    assert_array_equal(photo.overview.image_srgb, expected.overview.image_srgb)
    assert_array_equal(photo.image_srgb, array)
    assert type(pickle.loads(pickle.dumps(photo))) is LoadedImage


def test_the_array_may_change_once_it_is_finished():
    array = np.full((2000, 2000, 3), 7, dtype=np.uint8)
    photo = open_photo(array)
    photo.finish()
    array[:] = 9
    assert (photo.image_srgb == 7).all()
    assert (photo.overview.image_srgb == 7).all()


def test_other_arrays_are_read_at_once():
    for shape in ((30, 1500, 3), (30, 1700), (30, 1700, 4), (2, 5000, 3)):
        assert type(open_photo(np.zeros(shape, dtype=np.uint8))) is LoadedImage
    assert type(open_photo(np.zeros((4, 1700, 3)))) is LoadedImage
