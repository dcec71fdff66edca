"""Which way up a face is, by the face mesh."""

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from monoface.detection import FaceDetector
from monoface.detection.crops import SquareCrop
from monoface.detection.upside_down import UpsideDownCheck


@pytest.fixture(scope="module")
def check():
    return UpsideDownCheck(1)


@pytest.fixture(scope="module")
def photo(repository):
    with Image.open(repository / "examples" / "astronaut.png") as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="module")
def crop(photo):
    """An upright square around the face."""
    [face] = FaceDetector()(photo)
    return SquareCrop.from_box(face.roi_box(), 1.0)


def test_a_face_the_right_way_up_stays(check, photo, crop):
    tilted = replace(crop, roll_rad=0.4)
    assert check([(photo, crop), (photo, tilted)]) == [None, None]


@pytest.mark.parametrize("shift", [0.0, 0.25])
def test_a_face_that_was_found_head_down_is_righted_and_centred(check, photo, crop, shift):
    x, y = crop.centre_px
    side = crop.side_px
    wrong = SquareCrop((x + shift * side, y - shift * side), side, math.pi + 0.2)
    turned = np.ascontiguousarray(photo[::-1, ::-1])
    height, width = photo.shape[:2]
    for image, centre, roll_rad in (
        (photo, (x, y), 0.0),
        (turned, (width - x, height - y), math.pi),
    ):
        seen = wrong
        if image is turned:
            seen = SquareCrop((width - wrong.centre_px[0], height - wrong.centre_px[1]), side, 0.2)
        [righted] = check([(image, seen)])
        assert righted is not None
        assert math.hypot(righted.centre_px[0] - centre[0], righted.centre_px[1] - centre[1]) < 0.1 * side
        assert righted.side_px == pytest.approx(side, rel=0.15)
        assert abs(math.remainder(righted.roll_rad - roll_rad, 2 * math.pi)) < math.radians(8)


def test_where_there_is_no_face_nothing_is_righted(check):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert check([(noise, SquareCrop((100.0, 100.0), 120.0, 2.5))]) == [None]
