"""Chips are those that dlib cuts."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from monoface.geometry.face_chips import CHIP_POINTS_OF_68, chip_template, face_chip

# On the sample photo, as dlib marks them; its points are whole and count from the centre of the first pixel.
FIVE_PX = np.array([[255, 104], [238, 105], [195, 101], [212, 103], [224, 135]])


def landmarks_with(five_px):
    """68 points of which only the five are known."""
    points = np.full((68, 2), np.nan)
    points[list(CHIP_POINTS_OF_68)] = five_px
    return points


@pytest.fixture(scope="module")
def sample(repository: Path):
    return np.asarray(Image.open(repository / "examples" / "astronaut.png").convert("RGB"))


# Recipe, with dlib 20.0: the points above times `zoom`, as a `full_object_detection`; its `get_face_chip` of
# 150 pixels with a padding of 0.25; the first 16 digits of the SHA-256 of the bytes.
@pytest.mark.parametrize(("zoom", "expected"), [(1, "c9669b652503f092"), (5, "ff1e15c9818ccdde")])
def test_chips_are_those_of_dlib_to_the_last_bit(sample, zoom, expected):
    image = sample.repeat(zoom, axis=0).repeat(zoom, axis=1)
    chip = face_chip(image, landmarks_with(zoom * FIVE_PX + 0.5))
    assert hashlib.sha256(chip.tobytes()).hexdigest().startswith(expected)


@pytest.mark.parametrize("zoom", [0.2, 1, 2, 7])
def test_dlib_itself_agrees_in_any_turn_and_at_borders(sample, zoom):
    dlib = pytest.importorskip("dlib")
    size = round(512 * zoom), round(480 * zoom)
    image = np.ascontiguousarray(np.asarray(Image.fromarray(sample).resize(size, Image.Resampling.BICUBIC)))
    rng = np.random.default_rng(0)
    for angle in rng.uniform(-np.pi, np.pi, 12):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = FIVE_PX.mean(axis=0)
        turned = (FIVE_PX - middle) @ turn * rng.uniform(0.4, 1.6) + middle + rng.normal(0, 40, 2)
        whole = np.round(zoom * turned).astype(int)
        points = dlib.points([dlib.point(int(x), int(y)) for x, y in whole])
        face = dlib.full_object_detection(dlib.rectangle(0, 0, 9, 9), points)
        expected = dlib.get_face_chip(image, face, 150, 0.25)
        assert_array_equal(face_chip(image, landmarks_with(whole + 0.5)), expected)


def test_the_parts_of_a_face_come_to_lie_on_the_template():
    image = np.zeros((400, 500, 3), np.uint8)
    five = np.array([[330.0, 150.0], [290, 152], [180, 148], [220, 151], [255, 230]])
    x, y = five[0].astype(int)
    image[y - 2 : y + 2, x - 2 : x + 2] = 255
    chip = face_chip(image, landmarks_with(five))
    row, column = np.unravel_index(chip.sum(axis=2).argmax(), chip.shape[:2])
    # Five points can lie on the template only about.
    assert np.hypot(*(np.array([column + 0.5, row + 0.5]) - chip_template()[0])) < 4


def test_where_a_face_lies_does_not_matter(sample):
    moved = np.pad(sample, ((37, 5), (11, 3), (0, 0)))
    chip = face_chip(moved, landmarks_with(FIVE_PX + 0.5 + (11, 37)))
    assert_array_equal(chip, face_chip(sample, landmarks_with(FIVE_PX + 0.5)))


def test_points_between_pixels_move_the_chip_a_little(sample):
    exact, moved = (face_chip(sample, landmarks_with(FIVE_PX + shift)).astype(int) for shift in (0.5, 0.7))
    assert 0.5 < np.abs(exact - moved).mean() < 8


@pytest.mark.parametrize("shape", [(1, 1), (0, 0), (2, 2), (60, 3)])
def test_tiny_photos_and_faces_beyond_them_are_black_where_nothing_is(shape):
    image = np.full((*shape, 3), 200, np.uint8)
    for far in (0, 5000):
        chip = face_chip(image, landmarks_with(4.0 * FIVE_PX + far))
        assert chip.shape == (150, 150, 3)
        if far:
            assert not chip.any()


def test_points_in_one_place_give_that_place():
    image = np.zeros((40, 50, 3), np.uint8)
    image[20:, 25:] = 90
    assert_allclose(face_chip(image, landmarks_with(np.full((5, 2), 30.0))), 90)


def test_points_that_are_not_known_are_refused(sample):
    with pytest.raises(ValueError, match="finite corners of eyes and nose base"):
        face_chip(sample, np.full((68, 2), np.nan))
