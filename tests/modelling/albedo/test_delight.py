import numpy as np
import pytest
import torch

from monoface.modelling.albedo.delight import SKIN_SHARE_OF_BRIGHTNESS, delight, skin_tones
from monoface.modelling.albedo.portraits import PortraitSamples
from monoface.shading import ambient_light, sh_irradiance


def random_normals(generator: np.random.Generator, portraits: int, verts: int) -> np.ndarray:
    normals = generator.normal(size=(portraits, verts, 3))
    normals[..., 2] = -np.abs(normals[..., 2])
    return (normals / np.linalg.norm(normals, axis=-1, keepdims=True)).astype(np.float32)


def lit(generator: np.random.Generator, normals: np.ndarray, albedo: np.ndarray) -> np.ndarray:
    light = ambient_light(torch.full((len(normals), 3), np.pi))
    strength = generator.uniform(-0.5, 0.5, size=(len(normals), 3, 1)).astype(np.float32)
    light[:, 1:4] = torch.from_numpy(np.repeat(strength, 3, axis=2))
    irradiance = sh_irradiance(torch.from_numpy(normals), light).numpy()
    return (albedo * irradiance / np.pi).astype(np.float32)


def test_a_shared_map_is_found_under_many_lights():
    generator = np.random.default_rng(3)
    portraits, verts = 24, 400
    pattern = np.where(np.arange(verts) % 7 == 0, 0.6, 1.0)
    tones = np.exp(generator.uniform(-1, 0.2, size=(portraits, 1, 1))) * np.array((0.4, 0.22, 0.15))
    normals = random_normals(generator, portraits, verts)
    colour = lit(generator, normals, tones * pattern[:, None])
    samples = PortraitSamples(colour, np.ones((portraits, verts), dtype=np.float32), normals)
    delit = delight(samples, np.arange(verts), np.ones(verts, dtype=bool))
    contrast = delit.shared[pattern < 1].mean(axis=0) - delit.shared[pattern == 1].mean(axis=0)
    np.testing.assert_allclose(contrast, np.log(0.6), atol=0.04)
    assert np.abs(delit.own).mean() < 0.05
    order = np.argsort(tones[:, 0, 0])
    found = np.log(delit.tone[order, 0])
    assert np.corrcoef(found, np.log(tones[order, 0, 0]))[0, 1] > 0.97


def test_hair_is_not_trusted():
    generator = np.random.default_rng(4)
    normals = random_normals(generator, 12, 300)
    colour = lit(generator, normals, np.full((12, 300, 3), 0.3))
    colour[0, :40] *= 0.1
    samples = PortraitSamples(colour, np.ones((12, 300), dtype=np.float32), normals)
    delit = delight(samples, np.arange(300), np.ones(300, dtype=bool))
    assert delit.weight[0, :40].max() < 0.3 * delit.weight[0, 40:].mean()


def test_tones_keep_their_order_and_lose_the_common_tint():
    brightness = np.exp(np.linspace(-1, 1, 21))[:, None]
    tones = skin_tones(brightness * np.array((0.5, 0.2, 0.05)))
    np.testing.assert_allclose(tones[10], (0.303, 0.159, 0.113), rtol=1e-6)
    spread = np.log(tones[-1] / tones[0])
    np.testing.assert_allclose(spread, 2 * SKIN_SHARE_OF_BRIGHTNESS, rtol=1e-6)


def test_a_coloured_light_moves_the_tone_less_than_the_photo():
    brightness = np.exp(np.linspace(-1, 1, 21))[:, None]
    observed = brightness * np.array((0.4, 0.2, 0.1))
    plain = skin_tones(observed)
    observed[5] *= (1.0, 1.0, 2.0)
    blue = skin_tones(observed)
    assert 1 < (blue[5, 2] / blue[5, 1]) / (plain[5, 2] / plain[5, 1]) < 1.6


def test_weights_of_zero_count_for_nothing():
    generator = np.random.default_rng(5)
    normals = random_normals(generator, 6, 200)
    colour = lit(generator, normals, np.full((6, 200, 3), 0.3))
    weight = np.ones((6, 200), dtype=np.float32)
    weight[:, :50] = 0
    garbage = colour.copy()
    garbage[:, :50] = generator.uniform(size=(6, 50, 3))
    everywhere = np.ones(200, dtype=bool)
    one, two = (
        delight(PortraitSamples(c, weight, normals), np.arange(200), everywhere) for c in (colour, garbage)
    )
    np.testing.assert_allclose(one.tone, two.tone, rtol=1e-5)
    assert one.weight[:, :50].max() == pytest.approx(0)
