"""Where the networks look."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from monoface.detection.windows import tile_sides, tiles, whole_picture


def test_the_whole_picture_is_letterboxed():
    crop = whole_picture((640, 480), padding=1.0)
    corners = crop.from_photo(np.array([[0.0, 0.0], [640.0, 480.0]]), 192)
    assert_allclose(corners, [[0, 24], [192, 168]])


def test_a_border_leaves_room_around():
    crop = whole_picture((100, 200), padding=1.5)
    assert crop.centre_px == (50, 100)
    assert crop.side_px == 300


def test_tiles_by_hand():
    crops = tiles((250, 90), side_px=100, overlap=0.25)
    assert [crop.centre_px for crop in crops] == [(50, 45), (125, 45), (200, 45)]


@given(st.integers(1, 5000), st.integers(1, 3000), st.floats(20, 900), st.floats(0.05, 0.6), st.data())
def test_whatever_is_no_larger_than_the_overlap_lies_whole_in_a_tile(width, height, side, overlap, data):
    crops = tiles((width, height), side, overlap)
    for size, axis in ((width, 0), (height, 1)):
        length = min(overlap * side, size)
        start = data.draw(st.floats(0, size - length))
        edges = {(crop.centre_px[axis] - side / 2, crop.centre_px[axis] + side / 2) for crop in crops}
        assert any(low <= start + 1e-6 and start + length <= high + 1e-6 for low, high in edges)


def test_a_picture_that_shows_every_face_large_enough_has_no_tiles():
    assert tile_sides(300, min_face_px=30, smallest=0.1, largest=0.25) == []


def test_tile_sides_by_hand():
    assert_allclose(tile_sides(1600, min_face_px=10, smallest=0.1, largest=0.4), [400, 100])


@given(st.floats(100, 12_000), st.floats(8, 100))
def test_no_size_of_face_falls_between_two_scales(longest, min_face_px):
    smallest, largest = 14 / 192, 0.25
    sides = [longest, *tile_sides(longest, min_face_px, smallest, largest)]
    assert sides[-1] * smallest <= max(min_face_px, longest * smallest) * (1 + 1e-9)
    for coarse, fine in itertools.pairwise(sides):
        assert fine * largest >= coarse * smallest * (1 - 1e-9)


@pytest.mark.parametrize("size_px", [(1, 1), (1, 4000), (4000, 1)])
def test_thin_pictures_are_covered(size_px):
    crops = tiles(size_px, 300, 0.25)
    assert len(crops) == max(1, -(-(max(size_px) - 300) // 225) + 1)
