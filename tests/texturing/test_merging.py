"""Textures of several photos: exposures by hand, seams, and whose detail is taken."""

import pytest
import torch
from torch.testing import assert_close
from with_tensors import with_tensors

from monoface.render import TextureMap
from monoface.shading import linear_to_srgb
from monoface.texturing import merging
from monoface.texturing.merging import SeenTexture

exposure_gains, merge_textures = map(with_tensors, (merging.exposure_gains, merging.merge_textures))

SIZE = 64


def seen(colour, columns=slice(None), brightness=1.0, quality=1.0):
    """A texture that a photo shows in some columns; colours in linear RGB."""
    weight = torch.zeros(SIZE, SIZE)
    weight[:, columns] = 1
    image = linear_to_srgb(torch.as_tensor(colour).expand(SIZE, SIZE, 3)) * weight[..., None]
    return SeenTexture(TextureMap(image, weight), quality * weight, torch.full((3,), brightness))


@pytest.fixture
def grain(rng):
    """Skin with detail."""
    return 0.2 + 0.2 * torch.rand(SIZE, SIZE, 3, generator=rng)


def test_one_photo_stays_as_it_is(grain):
    only = seen(grain, slice(0, 40))
    merged = merge_textures([only], 0)
    assert_close(merged.image, only.shown.image, atol=1e-5, rtol=0)
    assert torch.equal(merged.weight, only.shown.weight)


def test_exposures_are_found_where_photos_overlap(grain):
    photos = [seen(grain), seen(0.5 * grain), seen(grain * torch.tensor([1.5, 1.0, 0.8]))]
    expected = torch.tensor([[1, 1, 1], [2, 2, 2], [1 / 1.5, 1, 1 / 0.8]])
    # What the lights say is wrong here, and has next to no weight.
    assert_close(exposure_gains(photos, 0), expected, rtol=0.2, atol=0)


def test_exposures_follow_from_photo_to_photo(grain):
    """The first and the last overlap with the middle one only."""
    photos = [
        seen(grain, slice(0, 40), 0.8),
        seen(0.5 * grain, slice(20, 60), 0.4),
        seen(0.25 * grain, slice(40, 64), 0.2),
    ]
    gains = exposure_gains(photos, 0)
    assert_close(gains, torch.tensor([1.0, 2.0, 4.0])[:, None].expand(3, 3), rtol=1e-3, atol=0)


def test_without_common_texels_the_lights_tell_the_exposure(grain):
    photos = [seen(grain, slice(0, 20), 1.0), seen(0.5 * grain, slice(40, 64), 0.5)]
    assert_close(exposure_gains(photos, 0)[1], torch.full((3,), 2.0))


def test_photos_of_other_light_leave_no_edge():
    """Two halves whose colours differ by a slope of light that no gain can take away."""
    slope = torch.linspace(0.0, 0.2, SIZE)[None, :, None].expand(SIZE, SIZE, 3)
    photos = [seen(0.3 + slope, slice(0, 40)), seen(0.5 - slope, slice(24, 64))]
    merged = merge_textures(photos, 0)
    step = (merged.image[:, 1:] - merged.image[:, :-1]).abs()
    alone = linear_to_srgb(0.3 + slope)
    usual = (alone[:, 1:] - alone[:, :-1]).abs().amax()
    assert step.amax() < 6 * usual
    assert (merged.weight == 1).all()


def test_detail_comes_from_the_better_photo(grain, rng):
    blurred = torch.full_like(grain, float(grain.mean()))
    merged = merge_textures([seen(grain, quality=1.0), seen(blurred, quality=0.3)], 0)
    sharp = linear_to_srgb(grain)
    assert (merged.image - sharp).std() < 0.15 * sharp.std()


def test_what_nobody_sees_has_no_weight(grain):
    merged = merge_textures([seen(grain, slice(0, 20)), seen(grain, slice(10, 30))], 0)
    assert not merged.weight[:, 30:].any()
    assert not merged.image[:, 30:].any()
