"""Occluders: what changes in the picture is what changes in the classes."""

import dataclasses

import numpy as np
import pytest

from monoface.core.errors import ConfigError
from monoface.data.batches.occluders import OccluderConfig, cover_face
from monoface.networks import PARSING_CLASSES

BACKGROUND, SKIN, HAIR, EYES, NOSE, MOUTH, OCCLUDER = range(len(PARSING_CLASSES))
SIDE = 96
NONE = OccluderConfig(0.0, 0.0, 0.0, 0.0)
KINDS = ("objects", "hand", "glasses", "strands")


def face(eyes=((34, 40), (62, 40))):
    """A disc of skin with hair above, eyes, a nose and a mouth."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    mask = np.where(np.hypot(x - 48, y - 50) < 38, SKIN, BACKGROUND).astype(np.uint8)
    mask[(mask == SKIN) & (y < 24)] = HAIR
    for column, row in eyes:
        mask[row - 3 : row + 3, column - 6 : column + 6] = EYES
    mask[44:60, 45:51] = NOSE
    mask[68:74, 38:58] = MOUTH
    colours = np.array(((90, 120, 160), (200, 150, 130), (60, 40, 30), (240, 240, 240), (190, 140, 120),
                        (170, 80, 80)), np.uint8)  # fmt: skip
    return colours[mask], mask


def covered(seed, **chances):
    canvas, mask = face()
    surface = np.random.default_rng(9).integers(0, 256, canvas.shape, dtype=np.uint8)
    config = dataclasses.replace(NONE, **chances)
    return canvas, mask, *cover_face(canvas, mask, surface, np.random.default_rng(seed), config)


def test_without_chances_nothing_changes():
    canvas, mask, picture, classes = covered(0)
    np.testing.assert_array_equal(picture, canvas)
    np.testing.assert_array_equal(classes, mask)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_pixels_change_where_classes_do(kind, seed):
    """Edges blend over half a pixel to either side, so classes may stay where a pixel changes slightly."""
    canvas, mask, picture, classes = covered(seed, **{kind: 1.0})
    label = HAIR if kind == "strands" else OCCLUDER
    changed = classes != mask
    assert changed.any()
    on_head = mask != BACKGROUND
    assert (classes[changed & on_head] == label).all()
    assert (classes[changed & ~on_head] == (HAIR if kind == "strands" else 255)).all()
    near = changed.copy()
    for axis in (0, 1):
        for step in (-1, 1):
            near |= np.roll(changed, step, axis) | np.roll(np.roll(changed, step, 0), step, 1)
            near |= np.roll(np.roll(changed, step, 0), -step, 1)
    relabelled = classes == label
    differs = np.abs(picture.astype(int) - canvas).max(axis=-1) > 40
    assert not (differs & ~near & ~relabelled & (classes != 255)).any()


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_stay_as_they_are(kind):
    canvas, mask, *_ = covered(1, **{kind: 1.0})
    before = face()
    np.testing.assert_array_equal(canvas, before[0])
    np.testing.assert_array_equal(mask, before[1])


def test_glasses_surround_the_eyes():
    _, mask, _, classes = covered(2, glasses=1.0)
    rows, columns = np.nonzero(classes == OCCLUDER)
    assert 2 < columns.min() < 34
    assert 62 < columns.max() < 94
    assert 25 < rows.min() < 40 < rows.max() < 58
    assert (classes[60:] == mask[60:]).all()


def test_a_face_without_eyes_gets_no_glasses():
    canvas, mask = face(eyes=())
    config = dataclasses.replace(NONE, glasses=1.0)
    picture, classes = cover_face(canvas, mask, canvas, np.random.default_rng(0), config)
    np.testing.assert_array_equal(picture, canvas)
    np.testing.assert_array_equal(classes, mask)


def test_one_eye_gets_one_lens():
    canvas, mask = face(eyes=((30, 40),))
    config = dataclasses.replace(NONE, glasses=1.0)
    _, classes = cover_face(canvas, mask, canvas, np.random.default_rng(5), config)
    columns = np.nonzero(classes == OCCLUDER)[1]
    assert len(columns)
    assert columns.max() < 75


def test_hands_have_the_colour_of_the_skin():
    canvas, _, picture, classes = covered(3, hand=1.0)
    hand = picture[classes == OCCLUDER].astype(float)
    ratio = np.median(hand, axis=0) / canvas[50, 30]
    assert ratio.max() / ratio.min() < 1.35


def test_equal_seeds_give_equal_covers():
    chances = dict.fromkeys(KINDS, 0.7)
    first, second = covered(11, **chances), covered(11, **chances)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_chances_are_probabilities():
    with pytest.raises(ConfigError, match="expected probabilities"):
        OccluderConfig(hand=1.5)
