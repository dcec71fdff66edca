"""Comparing normals by bands of wavelength."""

import math

import pytest
import torch

from monoface.evaluation.relief.bands import Likeness, around, band_passed
from monoface.evaluation.relief.scan_relief import LAMPS


def waves(wave_mm, texel_mm=0.25, size=256):
    x = torch.arange(size) * texel_mm
    return torch.sin(2 * math.pi * x / wave_mm)[None, None].expand(1, size, size)


@pytest.mark.parametrize("wave_mm", [0.8, 2.5, 7.0])
def test_a_band_keeps_its_own_waves_and_not_others(wave_mm):
    weight = torch.ones(256, 256)
    kept = {
        band: float(band_passed(waves(wave_mm), weight, band, 0.25)[:, 64:-64, 64:-64].std())
        for band in ((0.7, 1.5), (1.5, 4.0), (4.0, 12.0))
    }
    own = next(band for band in kept if band[0] < wave_mm < band[1])
    assert max(kept, key=lambda band: kept[band]) == own


def test_likeness_of_half_the_truth():
    true = torch.randn(3, 40, 30, generator=torch.Generator().manual_seed(1))
    likeness = Likeness.of(0.5 * true, true, torch.ones(40, 30, dtype=torch.bool))
    assert likeness.correlation == pytest.approx(1)
    assert likeness.amplitude == pytest.approx(0.5)
    assert likeness.error == pytest.approx(float(0.5 * true.norm(dim=0).mean()), rel=1e-5)


def test_nothing_found_has_no_correlation():
    true = torch.ones(3, 8, 8)
    assert Likeness.of(torch.zeros(3, 8, 8), true, torch.ones(8, 8, dtype=torch.bool)).correlation == 0


def test_window_holds_what_is_chosen():
    chosen = torch.zeros(200, 300, dtype=torch.bool)
    chosen[50:60, 100:160] = True
    assert around(chosen) == (slice(34, 75), slice(84, 175))


def test_lamps_light_what_faces_them():
    toward = torch.nn.functional.normalize(torch.tensor(LAMPS[3].toward), dim=0)
    facing, away = (float(LAMPS[3].light(sign * toward)) for sign in (1, -1))
    assert facing == pytest.approx(1.1)
    assert away == pytest.approx(1.1 - LAMPS[3].strength)
