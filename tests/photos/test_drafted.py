"""JPEGs of which an overview is decoded, and the rest when it is needed."""

import copy
import io

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import ExifTags, Image

from monoface.core.errors import ImageError
from monoface.photos.drafted import DraftedImage
from monoface.photos.loaded import LoadedImage
from monoface.photos.reading import open_photo, read_image


def _smooth(width, height):
    """A photo whose colours tell where one is in it."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    return Image.fromarray((np.stack([x, y, (x + y) / 2], axis=2) * 250).round().astype(np.uint8))


@pytest.fixture(params=[1, 2, 3, 4, 5, 6, 7, 8])
def turned(request, tmp_path):
    """A JPEG whose sides no reduction divides, with each EXIF orientation."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = request.param
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 50
    _smooth(1703, 1201).save(tmp_path / "photo.jpg", quality=95, exif=exif)
    return tmp_path / "photo.jpg"


def test_it_is_what_reading_gives(turned):
    photo, expected = open_photo(turned), read_image(turned)
    assert isinstance(photo, DraftedImage)
    for name in ("name", "original_size_px", "scale", "exif_focal_px", "size_px"):
        assert getattr(photo, name) == getattr(expected, name)
    assert "image_srgb" not in vars(photo)
    assert_array_equal(photo.image_srgb, expected.image_srgb)
    assert photo.image_srgb is photo.image_srgb
    assert type(copy.deepcopy(photo)) is LoadedImage


def test_the_overview_is_upright_and_where_the_photo_is(turned):
    photo = open_photo(turned)
    overview, whole = photo.overview, read_image(turned)
    assert max(overview.size_px) == 851
    assert overview.original_size_px == whole.original_size_px
    width, height = overview.size_px
    places = np.array([[20, 30], [width - 30, 40], [width // 2, height - 20]])
    of_whole = np.floor((places + 0.5) / overview.scale).astype(int)
    seen = overview.image_srgb[places[:, 1], places[:, 0]].astype(float)
    assert_allclose(seen, whole.image_srgb[of_whole[:, 1], of_whole[:, 0]], atol=2)


def test_photos_beyond_the_working_size(tmp_path):
    _smooth(4500, 1601).save(tmp_path / "photo.jpg")
    photo, expected = open_photo(tmp_path / "photo.jpg"), read_image(tmp_path / "photo.jpg")
    assert photo.size_px == expected.size_px == (4096, 1457)
    assert photo.scale == expected.scale
    assert max(photo.overview.size_px) == 1125
    assert_array_equal(photo.image_srgb, expected.image_srgb)


@pytest.mark.parametrize("name", ["small.jpg", "large.png"])
def test_others_are_read_at_once(tmp_path, name):
    _smooth(*((1500, 40) if name == "small.jpg" else (1700, 40))).save(tmp_path / name)
    assert type(open_photo(tmp_path / name)) is LoadedImage


def test_a_damaged_file_is_refused_at_once(tmp_path):
    file = io.BytesIO()
    _smooth(1600, 1200).save(file, "JPEG")
    (tmp_path / "photo.jpg").write_bytes(file.getvalue()[: len(file.getvalue()) // 2])
    with pytest.raises(ImageError, match="expected a whole picture"):
        open_photo(tmp_path / "photo.jpg")
