"""Photos whose pixels stay in their files."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from monoface.core.errors import ImageError
from monoface.photos.filed import FiledImage
from monoface.photos.reading import read_image


@pytest.fixture
def path(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "me.png")
    return tmp_path / "me.png"


def test_it_is_the_photo_without_its_pixels(path):
    loaded = read_image(path)
    filed = FiledImage(loaded, path)
    assert "image_srgb" not in vars(filed)
    assert_array_equal(filed.image_srgb, loaded.image_srgb)
    for name in ("name", "original_size_px", "scale", "exif_focal_px", "size_px"):
        assert getattr(filed, name) == getattr(loaded, name)
    assert_array_equal(copy.deepcopy(filed).image_srgb, loaded.image_srgb)


def test_another_photo_in_its_place_is_refused(path):
    filed = FiledImage(read_image(path), path)
    Image.new("RGB", (9, 8)).save(path)
    with pytest.raises(ImageError, match=r"expected the photo of \(9, 7\) pixels .* got one of \(9, 8\)"):
        filed.image_srgb  # noqa: B018
