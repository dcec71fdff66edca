"""Random crops: pixels and points move together, nothing changes where nothing shall vary."""

import dataclasses
import math

import numpy as np
import pytest

from monoface.data.batches.augment import AugmentConfig, crop_canvases, move_points, plan_crops
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX

PLAIN = {"grey": 0, "colour": 0, "blur": 0, "cover": 0, "noise": 0}
MARGIN = (CANVAS_PX - FACE_PX) // 2


def plan_of(config, batch=4, crop_px=FACE_PX, seed=0):
    return plan_crops(np.random.default_rng(seed), batch, CANVAS_PX, FACE_PX, crop_px, config)


def uncoloured(plan):
    return dataclasses.replace(plan, colour=plan_of(None, len(plan.zoom)).colour)


@pytest.fixture
def canvases():
    return np.random.default_rng(1).integers(0, 256, (3, CANVAS_PX, CANVAS_PX, 3), dtype=np.uint8)


def test_no_augmentation_cuts_out_the_middle(canvases):
    crops = crop_canvases(canvases, np.array([2, 0]), plan_of(None, 2), FACE_PX)
    middle = canvases[[2, 0], MARGIN:-MARGIN, MARGIN:-MARGIN] / 255
    np.testing.assert_allclose(crops, middle, rtol=0, atol=1e-6)


def test_mirroring_alone_turns_rows_round(canvases):
    config = AugmentConfig(turn_deg=0, tumble=0, scale=0, shift=0, mirror=1, **PLAIN)
    crops = crop_canvases(canvases, np.arange(3), uncoloured(plan_of(config, 3)), FACE_PX)
    middle = canvases[:, MARGIN:-MARGIN, MARGIN:-MARGIN] / 255
    np.testing.assert_allclose(crops, middle[:, :, ::-1], rtol=0, atol=1 / 255)


@pytest.mark.parametrize("mirror", [0, 1])
@pytest.mark.parametrize("crop_px", [FACE_PX, 84])
def test_a_dot_is_where_its_point_moves(mirror, crop_px):
    dots = np.array([[60.5, 70.5], [95.5, 61.5], [81.5, 100.5], [75.5, 88.5]], np.float32)
    canvases = np.zeros((4, CANVAS_PX, CANVAS_PX, 3), np.uint8)
    for canvas, (x, y) in zip(canvases, dots, strict=True):
        # A soft dot, so that its centre of mass survives any sampling.
        canvas[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2] = 120
        canvas[int(y), int(x)] = 250
    config = AugmentConfig(turn_deg=30, scale=0.15, shift=0.05, mirror=mirror, **PLAIN)
    plan = uncoloured(plan_of(config, crop_px=crop_px))
    crops = crop_canvases(canvases, np.arange(4), plan, crop_px)[..., 0].astype(np.float64)
    y, x = np.mgrid[:crop_px, :crop_px] + 0.5
    mass = crops.sum(axis=(1, 2))
    found = np.stack(((crops * x).sum(axis=(1, 2)) / mass, (crops * y).sum(axis=(1, 2)) / mass), axis=1)
    np.testing.assert_allclose(found, move_points(dots[:, None], plan)[:, 0], rtol=0, atol=0.15)


def test_a_positive_turn_is_clockwise():
    plan = dataclasses.replace(plan_of(None, 1), turn_rad=np.float32([math.pi / 2]))
    quarter = dataclasses.replace(plan, canvas_crop=np.float32([[[0, -1, 140], [1, 0, -20]]]))
    above = np.float32([[[80, 30]]])
    x, y = move_points(above, quarter)[0, 0]
    assert (x, y) == (110, 60)


def test_the_turn_and_zoom_of_a_plan_are_those_of_its_matrix():
    plan = plan_of(AugmentConfig(mirror=0.5), 12, crop_px=90)
    sides = np.where(plan.mirrored == 1, -1, 1)
    first, second = plan.canvas_crop[:, 0, 0] * sides, plan.canvas_crop[:, 1, 0] * sides
    np.testing.assert_allclose(np.arctan2(second, first), plan.turn_rad, atol=1e-5)
    np.testing.assert_allclose(np.hypot(first, second), plan.zoom, rtol=1e-5)
    assert 0 < plan.mirrored.sum() < 12


def test_equal_randomness_gives_equal_crops(canvases):
    config = AugmentConfig(cover=1, noise=0.1)
    first, second, other = (
        crop_canvases(canvases, np.arange(3), plan_of(config, 3, seed=seed), FACE_PX) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_values_stay_within_range(canvases):
    config = AugmentConfig(colour=1.0, cover=1, noise=0.5)
    crops = crop_canvases(canvases, np.arange(3), plan_of(config, 3), FACE_PX)
    assert crops.min() >= 0
    assert crops.max() <= 1


def test_outside_of_the_canvas_is_black(canvases):
    shifted = dataclasses.replace(plan_of(None, 1), canvas_crop=np.float32([[[1, 0, 500], [0, 1, 0]]]))
    assert not crop_canvases(canvases, np.zeros(1, np.int64), shifted, FACE_PX).any()


def test_grey_crops_have_equal_channels(canvases):
    config = AugmentConfig(grey=1, colour=0, blur=0, cover=0, noise=0)
    crops = crop_canvases(canvases, np.arange(3), plan_of(config, 3), FACE_PX)
    # Brightness varies with the same offset in all channels only.
    np.testing.assert_allclose(crops[..., 0], crops[..., 1], atol=1e-6)
    np.testing.assert_allclose(crops[..., 0], crops[..., 2], atol=1e-6)


def test_a_cover_hides_a_part(canvases):
    config = AugmentConfig(turn_deg=0, tumble=0, scale=0, shift=0, mirror=0, **(PLAIN | {"cover": 1}))
    plan = plan_of(config, 3)
    crops = crop_canvases(canvases, np.arange(3), plan, FACE_PX)
    for crop, cover in zip(crops, plan.cover, strict=True):
        hidden = (crop == cover[6:9]).all(axis=-1).mean()
        assert 0.001 < hidden < 0.35


def test_the_grain_has_the_deviation_that_was_drawn():
    canvases = np.full((4, CANVAS_PX, CANVAS_PX, 3), 128, np.uint8)
    config = AugmentConfig(turn_deg=0, tumble=0, scale=0, shift=0, mirror=0, **(PLAIN | {"noise": 0.2}))
    plan = uncoloured(plan_of(config))
    plan.colour[:, 9] = 0.08
    crops = crop_canvases(canvases, np.arange(4), plan, FACE_PX)
    np.testing.assert_allclose(crops[..., 0].std(axis=(1, 2)), 0.08, rtol=0.05)
    np.testing.assert_allclose(crops.mean(axis=(1, 2, 3)), 128 / 255, atol=0.005)


def test_some_pictures_are_turned_far():
    config = AugmentConfig(tumble=0.5, tumble_deg=100)
    turns = np.rad2deg(plan_of(config, 400).turn_rad)
    far = np.abs(turns) > 3 * config.turn_deg
    assert np.abs(turns).max() <= 100
    # Half of the turns are uniform within 100 degrees, and 64 % of those exceed three deviations.
    assert 0.24 < far.mean() < 0.40
