import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from with_tensors import with_tensors

from monoface.shading import ambient_light, shade, srgb_to_linear
from monoface.texturing import appearance
from monoface.texturing.appearance import SeenSkin

fit_appearance = with_tensors(appearance.fit_appearance)
fit_shared_appearance = with_tensors(appearance.fit_shared_appearance)
likely_tone = with_tensors(appearance.likely_tone)


@pytest.fixture(scope="module")
def rng_module():
    return torch.Generator().manual_seed(5)


@pytest.fixture(scope="module")
def light(rng_module):
    light = ambient_light(torch.tensor([2.0, 1.8, 1.7]))
    light[1:4] += 0.25 * torch.randn(3, 1, generator=rng_module)
    return light


def _normals_of(model, rng):
    return torch.nn.functional.normalize(torch.randn(len(model.mean_mm), 3, generator=rng), dim=-1)


def test_explains_colours_it_could_have_made(toy_model, light, rng_module):
    normals = _normals_of(toy_model, rng_module)
    albedo = toy_model.albedo(torch.tensor([[0.5, -0.8, 0.3]]))[0]
    colours = shade(albedo, normals, light).clamp_min(0)
    found = fit_appearance(toy_model, normals, colours, torch.ones(len(normals), dtype=torch.bool))
    explained = srgb_to_linear(found.colours_srgb(toy_model, normals))
    lit = colours.min(dim=1).values > 0.1
    assert_close(explained[lit], colours[lit], atol=0.03, rtol=0.05)


def test_a_few_wrong_colours_do_not_matter(toy_model, light, rng_module):
    normals = _normals_of(toy_model, rng_module)
    colours = shade(toy_model.albedo(torch.zeros(1, 3))[0], normals, light).clamp_min(0)
    everywhere = torch.ones(len(normals), dtype=torch.bool)
    clean = fit_appearance(toy_model, normals, colours, everywhere)
    dirty_colours = colours.clone()
    dirty_colours[::10] = 1.0
    dirty = fit_appearance(toy_model, normals, dirty_colours, everywhere)
    difference = (clean.colours_srgb(toy_model, normals) - dirty.colours_srgb(toy_model, normals)).abs()
    assert difference.mean() < 0.03


def test_albedo_does_not_jump_at_its_bound():
    rng = np.random.default_rng(4)
    basis = rng.standard_normal((5, 80, 3), dtype=np.float32)
    mean, lit = np.zeros((80, 3), np.float32), np.ones((80, 3), np.float32)
    wanted = np.tensordot(np.array([1, -1, 1, 1, -1], np.float32), basis, axes=1)
    found = np.array([
        appearance._fit_albedo(mean, basis, lit, strength * wanted, np.ones(80, np.float32), np.float32(3))
        for strength in np.linspace(0, 4, 401, dtype=np.float32)
    ])  # fmt: skip
    size = np.sqrt(np.square(found).mean(axis=1))
    assert size[0] == 0
    assert size.max() == pytest.approx(appearance._LARGEST_ALBEDO, abs=1e-3)
    assert np.abs(np.diff(found, axis=0)).max() < 0.02


def test_light_is_even_where_hardly_anything_is_seen(toy_model, rng_module):
    normals = _normals_of(toy_model, rng_module)
    seen = torch.zeros(len(normals), dtype=torch.bool)
    for count in (0, 5):
        seen[:count] = True
        found = fit_appearance(toy_model, normals, torch.full_like(normals, 0.3), seen)
        assert not found.light[1:].any()
        assert found.light[0].min() > 0
        assert not found.albedo.any()


def test_unlit_places_are_not_black(toy_model):
    normals = torch.tensor([0.0, 0.0, -1.0]).repeat(len(toy_model.mean_mm), 1)
    normals[::2, 0] = math.sqrt(0.5)
    normals[::2, 2] = -math.sqrt(0.5)
    colours = torch.full_like(normals, 0.3)
    found = fit_appearance(toy_model, normals, colours, torch.ones(len(normals), dtype=torch.bool))
    behind = found.colours_srgb(toy_model, -normals)
    assert behind.min() > 0.1


def test_one_albedo_explains_photos_in_different_light(toy_model, light, rng_module):
    """The lights differ in brightness, colour and direction; albedo is found but for a factor."""
    true = toy_model.albedo(torch.tensor([[0.5, -0.8, 0.3]]))[0]
    everywhere = torch.ones(len(true), dtype=torch.bool)
    other = light.flip(1) * 0.5
    other[3] = 0.4
    photos = []
    for shone in (light, other):
        normals = _normals_of(toy_model, rng_module)
        photos.append(SeenSkin(normals, shade(true, normals, shone).clamp_min(0), everywhere))
    first, second = fit_shared_appearance(toy_model, photos)
    assert torch.equal(first.albedo, second.albedo)
    for found, photo in zip((first, second), photos, strict=True):
        explained = srgb_to_linear(found.colours_srgb(toy_model, photo.normals))
        lit = (photo.colours.min(dim=1).values > 0.1) & (photo.colours.max(dim=1).values < 0.95)
        assert_close(explained[lit], photo.colours[lit], atol=0.04, rtol=0.08)


def test_a_photo_that_shows_no_skin_has_the_albedo_of_the_others(toy_model, light, rng_module):
    normals = _normals_of(toy_model, rng_module)
    colours = shade(toy_model.albedo(torch.tensor([[0.5, -0.8, 0.3]]))[0], normals, light).clamp_min(0)
    everywhere = torch.ones(len(normals), dtype=torch.bool)
    shown, hidden = (SeenSkin(normals, colours, seen) for seen in (everywhere, ~everywhere))
    first, second = fit_shared_appearance(toy_model, [shown, hidden])
    alone = fit_appearance(toy_model, normals, colours, everywhere)
    assert_close(first.albedo, alone.albedo)
    assert_close(second.albedo, alone.albedo)
    assert_close(first.light, alone.light)


def test_skin_of_usual_brightness_is_the_mean_skin():
    mean, basis = torch.tensor(0.2), torch.tensor([0.05, 0.02])
    assert_close(likely_tone(mean, basis, mean * math.exp(0.1)), torch.zeros(2), atol=0.02, rtol=0)


def test_dark_faces_are_partly_dark_skin_and_partly_dim_light():
    mean, basis = torch.tensor(0.2), torch.tensor([0.06, 0.0])
    dark = likely_tone(mean, basis, torch.tensor(0.1))
    skin = mean + dark @ basis
    light = 0.1 / skin
    assert 0.1 < skin < 0.2
    assert 0.5 < light < 1.0
    assert dark[1] == 0

    # No pair with that product is more probable: one draws neither skin nor light any further.
    def unlikely(light):
        return ((0.1 / light - 0.2) / 0.06) ** 2 + ((math.log(light) - 0.1) / 0.35) ** 2

    assert unlikely(float(light)) < min(unlikely(float(light) * 1.1), unlikely(float(light) / 1.1))
    brighter = likely_tone(mean, basis, torch.tensor(0.4))
    assert brighter[0] > 0 > dark[0]


def test_a_tone_follows_brightness_without_steps():
    basis = torch.tensor([0.05, 0.02])
    brightness = torch.logspace(-1, 0, 201)
    found = torch.stack([likely_tone(torch.tensor(0.4), basis, one) for one in brightness])[:, 0]
    steps = found.diff()
    assert (steps > 0).all()
    assert (steps[1:] / steps[:-1]).log().abs().max() < 1
