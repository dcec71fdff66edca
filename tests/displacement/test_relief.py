"""Relief by analysis, on a flat skin whose light is known."""

import math

import pytest
import torch

from monoface.core.errors import ConfigError
from monoface.displacement.evidence import Evidence
from monoface.displacement.oriented import levels
from monoface.displacement.relief import ReliefConfig, filled, find_relief, light_on_heights
from monoface.render.texture_surface import TextureSurface

SIDE_MM = 180.0


def flat_skin(size, light_slopes=(0.8, 0.0)):
    """Skin of 180 mm before a camera, under light that answers to slopes of 1 by these logarithms."""
    ones = torch.ones(1, size, size)

    def constant(*vector):
        return torch.tensor(vector).expand(1, size, size, 3)

    surface = TextureSurface(
        constant(0.0, 0.0, 0.0), constant(0.0, 0.0, -1.0), constant(SIDE_MM, 0.0, 0.0),
        constant(0.0, SIDE_MM, 0.0), torch.ones(size, size, dtype=torch.bool),
    )  # fmt: skip
    # Stated for a millimetre over one texel of 256.
    slopes = torch.tensor(light_slopes)[None, :, None, None].expand(1, 2, size, size) * (256 / SIDE_MM)
    black = torch.zeros(1, 3, size, size)
    return Evidence(black, black, black, ones, slopes, torch.zeros(1, 9, 3), surface)


def under_light(evidence, change):
    grey = change[:, None].expand(-1, 3, -1, -1)
    return Evidence(
        evidence.photo, evidence.coarse, grey, evidence.weight, evidence.light_slopes, evidence.light,
        evidence.surface,
    )  # fmt: skip


def furrows(size, wave_mm, depth_mm=0.3):
    """Furrows across u."""
    x = (torch.arange(size) + 0.5) * (SIDE_MM / size)
    return (depth_mm * torch.cos(2 * math.pi * x / wave_mm))[None, None].expand(1, size, size)


def correlation(a, b):
    middle = slice(a.shape[-1] // 4, -a.shape[-1] // 4)
    return float(
        torch.corrcoef(torch.stack((a[0, middle, middle].flatten(), b[0, middle, middle].flatten())))[0, 1]
    )


@pytest.mark.parametrize("lamp", [(0.9, 0.0), (-0.9, 0.0), (0.0, 0.0)])
def test_furrows_are_found_under_lamps_from_either_side_and_without_one(lamp):
    config, skin, true = ReliefConfig(), flat_skin(256, lamp), furrows(256, 6.0)
    found = find_relief(under_light(skin, sum(light_on_heights(skin, true, config))), config)
    assert correlation(found, true) > 0.9
    # Where the light says little, heights are held back.
    assert 0.1 < float(found.std() / true.std()) < 1.3


def test_a_line_is_relief_and_spots_of_the_same_contrast_are_not():
    size = 256
    skin = flat_skin(size)
    v, u = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    line = -0.5 * torch.exp(-((u - 128.0) ** 2) / 8)
    spots = -0.5 * torch.exp(-((u % 32 - 16.0) ** 2 + (v % 32 - 16.0) ** 2) / 8)
    heights = [
        find_relief(under_light(skin, one[None]), ReliefConfig()).abs().amax() for one in (line, spots)
    ]
    assert heights[0] > 0.05
    assert heights[1] < 0.25 * heights[0]


def test_skin_that_is_hardly_uneven_stays_smooth():
    skin = flat_skin(256)
    noise = 0.004 * torch.randn(1, 256, 256, generator=torch.Generator().manual_seed(3))
    found = find_relief(under_light(skin, noise), ReliefConfig())
    assert float(found.abs().mean()) < 2e-3


def test_maps_of_512_texels_hold_waves_that_those_of_256_do_not():
    sizes = {}
    for size in (256, 512):
        skin = flat_skin(size)
        true = furrows(size, 1.9, 0.1)
        seen = under_light(skin, sum(light_on_heights(skin, true, ReliefConfig())))
        sizes[size] = float(find_relief(seen, ReliefConfig()).std())
    assert sizes[512] > 2 * sizes[256]


def test_nothing_is_found_where_nothing_is_seen():
    skin = flat_skin(128)
    seen = under_light(skin, furrows(128, 8.0))
    unseen = Evidence(
        seen.photo, seen.coarse, seen.log_ratio, torch.zeros_like(seen.weight), seen.light_slopes, seen.light,
        seen.surface,
    )  # fmt: skip
    assert (find_relief(unseen, ReliefConfig()) == 0).all()


def test_octaves_of_all_directions_add_up_to_the_map():
    wave = furrows(128, SIDE_MM / 16)[0]
    both = sum(
        torch.nn.functional.interpolate(
            level.waves.real.sum(dim=0)[None, None], size=(128, 128), mode="bicubic"
        )
        for level in levels(wave, 3)
    )
    assert correlation(both[0], wave[None]) > 0.99
    assert float(both.std() / wave.std()) == pytest.approx(1, abs=0.1)


def test_unseen_texels_continue_what_is_seen():
    weight = torch.ones(64, 64)
    weight[:, 30:34] = 0
    image = torch.full((64, 64), 0.3)
    image[:, 30:34] = -5.0
    assert 0.05 < float(filled(image, weight)[32, 32]) < 0.31


def test_useless_settings_are_refused():
    with pytest.raises(ConfigError, match=r"expected a positive doubt and limit_mm, got 0 and 2\.5"):
        ReliefConfig(doubt=0)
