"""Batches for the parser: pictures and classes move together, and seeds decide everything."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.occluders import OccluderConfig
from monoface.data.batches.parsing_batch import (
    ParsingAugmentConfig,
    ParsingBatchMaker,
    crop_classes,
    with_other_tone,
)
from monoface.data.packs.parsing_pack import ParsingPack
from monoface.data.packs.photo_pack import CANVAS_PX
from monoface.networks import PARSING_CLASSES

STILL = AugmentConfig(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
UNCOVERED = OccluderConfig(0, 0, 0, 0)
CROP_PX = 48
# A grey level for each class, so that a picture tells the classes of its pixels.
GREYS = np.array((20, 60, 100, 140, 180, 220, 250), np.uint8)


@pytest.fixture(scope="module")
def pack():
    """Coarse patches of classes, painted in their greys."""
    coarse = np.random.default_rng(0).integers(0, 6, (5, 8, 8), dtype=np.uint8)
    masks = coarse.repeat(CANVAS_PX // 8, axis=1).repeat(CANVAS_PX // 8, axis=2)
    return ParsingPack("patches", np.repeat(GREYS[masks][..., None], 3, axis=-1), masks)


@pytest.fixture(scope="module")
def scenery():
    return np.random.default_rng(1).integers(0, 256, (3, CANVAS_PX, CANVAS_PX, 3), dtype=np.uint8)


def maker(pack, scenery, **augment):
    config = ParsingAugmentConfig(crop=STILL, occluders=UNCOVERED, tone=0, background=0)
    config = dataclasses.replace(config, **augment)
    return ParsingBatchMaker([pack], {"patches": 1.0}, scenery, crop_px=CROP_PX, augment=config)


def test_pictures_and_classes_move_together(pack, scenery):
    still = dataclasses.asdict(STILL)
    turned = AugmentConfig(
        **still | {"turn_deg": 25, "tumble": 0.2, "tumble_deg": 90, "scale": 0.2, "mirror": 0.5}
    )
    batch = maker(pack, scenery, crop=turned).sample(3, 7, 9)
    painted = torch.from_numpy(GREYS.astype(np.float32))[batch.classes] / 255
    inner = (batch.image[:, 0] > 0).flatten(1)
    difference = (batch.image[:, 0] - painted).flatten(1)
    # Brightness varies between samples by an offset. Pixels between two patches mix them.
    for sample, inside in zip(difference, inner, strict=True):
        values = sample[inside]
        assert ((values - values.median()).abs() < 0.03).float().mean() > 0.7


def test_without_variation_it_is_the_middle_of_the_canvas(pack, scenery):
    made = ParsingBatchMaker([pack], {"patches": 1.0}, scenery, crop_px=120)
    batch = made.each(0, 0)
    np.testing.assert_array_equal(batch.classes.numpy(), pack.masks[:, 20:140, 20:140])
    np.testing.assert_allclose(
        batch.image.permute(0, 2, 3, 1).numpy() * 255, pack.canvases[:, 20:140, 20:140], atol=0.6
    )


def test_parts_are_those_of_the_whole(pack, scenery):
    made = maker(pack, scenery, crop=AugmentConfig(), occluders=OccluderConfig(), tone=0.5, background=0.5)
    whole = made.sample(1, 2, 6)
    parts = [made.sample(1, 2, 6, part) for part in (slice(0, 3), slice(3, 6))]
    for name in ("image", "classes", "pack"):
        assert_close(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name), rtol=0, atol=0)


def test_other_steps_give_other_batches(pack, scenery):
    made = maker(pack, scenery, crop=AugmentConfig())
    assert not torch.equal(made.sample(0, 0, 4).image, made.sample(0, 1, 4).image)


def test_a_background_is_replaced_and_nothing_else(pack, scenery):
    batch = maker(pack, scenery, background=1.0).sample(0, 0, 4)
    plain = maker(pack, scenery).sample(0, 0, 4)
    changed = (batch.image - plain.image).abs().amax(dim=1) > 0.02
    behind = batch.classes == 0
    assert changed[behind].float().mean() > 0.8
    assert changed[~behind].float().mean() < 0.1
    assert torch.equal(batch.classes, plain.classes)


def test_where_pixels_are_unknown_the_background_stays(pack, scenery):
    masks = pack.masks.copy()
    masks[:, 0, 0] = 255
    unsure = dataclasses.replace(pack, masks=masks)
    batch, plain = (maker(unsure, scenery, background=chance).sample(0, 0, 4) for chance in (1.0, 0.0))
    assert_close(batch.image, plain.image)


def test_crops_show_background_beyond_the_canvas():
    mask = np.full((4, 4), 2, np.uint8)
    shifted = np.array(((1, 0, 2), (0, 1, 0)), np.float32)
    np.testing.assert_array_equal(crop_classes(mask, shifted, 5), [[0, 0, 2, 2, 2]] * 4 + [[0] * 5])


def test_another_tone_changes_skin_by_the_line_and_leaves_the_rest():
    """exp(-1 * (0.75, 1, 1.15) / 2.2) of each channel, on skin far from its edge."""
    mask = np.zeros((9, 12), np.uint8)
    mask[:, 5:] = PARSING_CLASSES.index("skin")
    canvas = np.full((9, 12, 3), 200, np.uint8)
    darker = with_other_tone(canvas, mask, 1.0)
    np.testing.assert_array_equal(
        darker[4, 8], (200 * np.exp([-0.75 / 2.2, -1 / 2.2, -1.15 / 2.2])).astype(int)
    )
    np.testing.assert_array_equal(darker[:, :4], canvas[:, :4])
    np.testing.assert_array_equal(with_other_tone(canvas, mask, 0.0), canvas)


def test_shares_of_unknown_packs_or_nothing_to_see_are_refused(pack, scenery):
    with pytest.raises(ConfigError, match="no pack is called other"):
        ParsingBatchMaker([pack], {"other": 1.0}, scenery)
    with pytest.raises(ConfigError, match="positive shares"):
        ParsingBatchMaker([pack], {"patches": 0.0}, scenery)
    with pytest.raises(ConfigError, match="some scenery"):
        ParsingBatchMaker([pack], {"patches": 1.0}, scenery[:0])
