import io

import numpy as np
import pytest
from PIL import Image

from monoface.viewer.pictures import encode_pictures


def noise(width, height, seed=0):
    """What JPEG makes largest."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_small_picture_keeps_its_pixels():
    flat = np.full((30, 50, 3), (200, 100, 50), np.uint8)
    decoded = np.asarray(Image.open(io.BytesIO(encode_pictures([flat])[0])))
    assert decoded.shape == (30, 50, 3)
    assert np.abs(decoded.astype(int) - flat).max() <= 3


def test_pictures_keep_their_shape_and_are_no_longer_than_the_overlay():
    assert Image.open(io.BytesIO(encode_pictures([np.zeros((1000, 3000, 3), np.uint8)])[0])).size == (
        1600,
        533,
    )


@pytest.mark.parametrize("count", [1, 4, 12])
def test_all_together_keep_within_the_bytes(count):
    files = encode_pictures([noise(900, 700, seed) for seed in range(count)], most_bytes=400_000)
    assert len(files) == count
    assert sum(map(len, files)) <= 400_000


def test_none_is_none():
    assert encode_pictures([]) == []
