"""Focal lengths of photos: from an angle, and from EXIF data as they are found in the wild."""

import math

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from monoface.core.errors import ConfigError
from monoface.photos.focal import focal_of_exif, focal_of_field_of_view
from monoface.pipeline import read_image

SIZE = (60, 40)
TAGS = ExifTags.Base


def with_tags(orientation: int = 1, **tags) -> Image.Image:
    picture = Image.new("RGB", SIZE)
    exif = picture.getexif()
    exif[TAGS.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif).update({TAGS[name]: value for name, value in tags.items()})
    return picture


def focal_px(**tags) -> float | None:
    return focal_of_exif(with_tags(**tags), SIZE)


def test_ninety_degrees_are_half_the_longer_side():
    assert focal_of_field_of_view(90.0, (400, 600)) == pytest.approx(300)
    assert focal_of_field_of_view(60.0, (600, 400)) == pytest.approx(300 * math.sqrt(3))


@pytest.mark.parametrize("angle", [0.0, -30.0, 180.0, 141.0, math.nan])
def test_angles_that_no_lens_sees_are_refused(angle):
    with pytest.raises(ConfigError, match="field_of_view_deg: expected 1 to 140 degrees"):
        focal_of_field_of_view(angle, SIZE)


def test_film_equivalents_count_by_the_diagonal():
    # The film's frame has the sides of this photo, 3 to 2: 36 mm are 60 pixels.
    assert focal_px(FocalLengthIn35mmFilm=36) == pytest.approx(60)
    assert focal_of_exif(with_tags(FocalLengthIn35mmFilm=36), (30, 40)) == pytest.approx(
        36 * 50 / math.hypot(36, 24)
    )


def test_the_sensor_tells_where_no_equivalent_is_known():
    sensor = {"FocalLength": IFDRational(8), "FocalPlaneXResolution": IFDRational(254)}
    assert focal_px(**sensor) == pytest.approx(80)
    assert focal_px(FocalLengthIn35mmFilm=0, **sensor) == pytest.approx(80)
    assert focal_px(FocalPlaneResolutionUnit=3, **sensor) == pytest.approx(8 * 25.4)
    assert focal_px(FocalLengthIn35mmFilm=36, **sensor) == pytest.approx(60)
    # Taken at twice the size.
    assert focal_px(ExifImageWidth=120, ExifImageHeight=80, **sensor) == pytest.approx(40)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"FocalLength": IFDRational(8)},
        {"FocalLengthIn35mmFilm": 5000},
        {"FocalLengthIn35mmFilm": 2},
        {"FocalLengthIn35mmFilm": "wide"},
        {"FocalLength": IFDRational(8, 0), "FocalPlaneXResolution": IFDRational(254)},
        {"FocalLength": IFDRational(8), "FocalPlaneXResolution": IFDRational(0)},
        {
            "FocalLength": IFDRational(8),
            "FocalPlaneXResolution": IFDRational(9),
            "FocalPlaneResolutionUnit": 9,
        },
    ],
)
def test_missing_and_impossible_tags_tell_nothing(tags):
    assert focal_px(**tags) is None


def test_read_photos_know_their_focal_length(tmp_path):
    for orientation in (1, 6):
        picture = with_tags(orientation, FocalLengthIn35mmFilm=36)
        picture.save(tmp_path / "photo.jpg", exif=picture.getexif())
        photo = read_image(tmp_path / "photo.jpg", max_side_px=30)
        assert photo.scale == 0.5
        assert photo.exif_focal_px == pytest.approx(60)
    assert read_image(np.zeros((4, 5, 3), np.uint8)).exif_focal_px is None
