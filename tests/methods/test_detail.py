from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.data.detail_packs import DetailBatch
from monoface.geometry.cameras import transform_points
from monoface.methods.detail import Detail, DetailConfig, Displacement, Displacer
from monoface.methods.detail.looks import Look
from monoface.methods.detail.maps import ShadingMaps, irradiance, log_shading_change
from monoface.methods.detail.texture_terms import again_term, known_terms, light_term
from monoface.networks import TranslatorConfig
from monoface.render.texture_surface import maps_from_vertices
from monoface.shading import linear_to_srgb

SIZE = 64
SMALL = DetailConfig(translator=TranslatorConfig(9, (4, 6, 8, 8), 2), texture_px=SIZE)
FRONTAL = torch.diag(torch.tensor((1.0, -1.0, -1.0)))


@pytest.fixture(scope="module")
def displacer(face_model):
    return Displacer(face_model, SMALL)


@pytest.fixture(scope="module")
def scene(face_model, displacer):
    """An upright mean face with a wavy relief in slanting light, unwrapped without a camera in between."""
    verts = transform_points(FRONTAL[None], torch.tensor(((0.0, 0.0, 1000.0),)), face_model.mean_mm[None])
    light = torch.zeros(1, 9, 3)
    light[:, 0], light[:, 1], light[:, 2], light[:, 3] = 3.0, -0.8, -1.0, 0.9
    albedo = torch.zeros(1, face_model.albedo_size)
    seen = torch.ones(1, SIZE, SIZE)
    blank = displacer.evidence(torch.zeros(1, 3, SIZE, SIZE), seen, verts, albedo, light)
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    height = (0.3 * (0.8 * rows + 0.3 * columns).sin() * (2 * blank.weight).clamp_max(1)).float()
    fine = displacer.normals(height, blank.surface)
    colours = maps_from_vertices(face_model.albedo(albedo), displacer.layout)
    photo = linear_to_srgb((colours * irradiance(fine, light)).movedim(-1, 1).clamp(0, 1))
    evidence = displacer.evidence(photo, seen, verts, albedo, light)
    batch = DetailBatch(
        photo=photo.expand(2, -1, -1, -1),
        seen=seen.expand(2, -1, -1),
        verts_camera=verts.expand(2, -1, -1),
        rotation=FRONTAL.expand(2, 3, 3),
        albedo=albedo.expand(2, -1),
        light=light.expand(2, -1, -1),
        height_mm=height.expand(2, -1, -1),
        paint=torch.zeros(2, SIZE, SIZE),
        maps=evidence.as_input("shading").expand(2, -1, -1, -1),
        known=torch.tensor((True, False)),
        twin=torch.tensor((0, 1)),
        donor=torch.tensor((0, 0)),
        graft=torch.tensor((0.0, 0.5)),
        mirrored=torch.tensor((False, True)),
    )
    return evidence, height, batch


def _correlation(first, second, weight):
    chosen = weight > 0.5
    return float(torch.corrcoef(torch.stack((first[chosen], second[chosen])))[0, 1])


def test_a_photo_of_the_coarse_face_shows_nothing(scene, displacer):
    evidence, _, batch = scene
    same = displacer.evidence(
        evidence.coarse, batch.seen[:1], batch.verts_camera[:1], batch.albedo[:1], batch.light[:1]
    )
    assert float((same.log_ratio * same.weight[:, None]).abs().max()) < 1e-3


def test_the_true_relief_explains_the_photo(scene, displacer):
    evidence, height, _ = scene
    grey = evidence.log_ratio.mean(dim=1)
    exact = log_shading_change(displacer.normals(height, evidence.surface), evidence)
    first_order = ShadingMaps(evidence.as_input("shading"), SIZE).explained(height)
    assert _correlation(exact, grey, evidence.weight) > 0.98
    assert _correlation(first_order, exact, evidence.weight) > 0.95


def test_mirrored_maps_are_those_of_the_mirrored_face(scene):
    evidence, height, _ = scene
    shown = ShadingMaps(evidence.as_input("shading"), SIZE)
    turned = shown.mirrored()
    assert_close(turned.explained(height.flip(-1)).flip(-1), shown.explained(height))
    assert_close(turned.mirrored().maps, shown.maps)


def test_a_window_of_maps_is_read_as_the_whole(scene, displacer):
    evidence, height, _ = scene
    whole = ShadingMaps(evidence.as_input("shading"), SIZE)
    window = ShadingMaps(displacer.cropped(whole.maps), SIZE)
    inside = displacer.cropped(whole.weight) > 0.2
    found, expected = window.explained(displacer.cropped(height)), displacer.cropped(whole.explained(height))
    assert window.maps.shape[-2] < SIZE
    assert_close(found[inside], expected[inside], atol=0.02, rtol=0.02)


def test_a_grafted_relief_looks_as_it_would_in_the_photo(scene, displacer):
    """The flat face with the relief grafted on against the one that was drawn with it."""
    evidence, height, batch = scene
    flat = displacer.evidence(
        evidence.coarse, batch.seen[:1], batch.verts_camera[:1], batch.albedo[:1], batch.light[:1]
    )
    nothing = torch.zeros_like(height)
    look = Look(ShadingMaps(flat.as_input("shading"), SIZE), nothing, nothing)
    grafted = look.grafted(height, nothing)
    drawn = ShadingMaps(evidence.as_input("shading"), SIZE).grey
    assert _correlation(grafted.shown.grey, drawn, evidence.weight) > 0.95
    assert_close(grafted.height_mm, height)
    turned = grafted.mirrored(torch.tensor((True,)))
    assert_close(turned.height_mm, height.flip(-1))
    assert_close(turned.mirrored(torch.tensor((True,))).shown.maps, grafted.shown.maps)


def test_texels_are_about_a_millimetre_on_the_mean_face(face_model):
    displacer = Displacer(face_model, DetailConfig())
    assert 1.0 < float(displacer.texel_mm[:, displacer.region > 0.5].median()) < 1.8


def test_terms_by_hand():
    """A slope of a tenth over texels of a millimetre, found half as high and not at all."""
    true = 0.1 * torch.arange(8.0).expand(2, 6, 8)
    look = Look(ShadingMaps(torch.ones(2, 7, 6, 8), 8), true, torch.zeros_like(true))
    found = true * torch.tensor((0.5, 0.0))[:, None, None]
    residual = torch.full_like(true, 0.03)
    terms = known_terms(Displacement(found, residual), look, torch.ones(2, 6, 8), 0.002)
    assert_close(terms["height"][1] / terms["height"][0], torch.tensor(4.0))
    assert terms["slope"][1] / terms["slope"][0] == pytest.approx(2, rel=0.05)
    assert_close(terms["paint"], torch.ones(2))

    heights = torch.tensor((0.03, 0.01, 0.5))[:, None, None].expand(3, 4, 4)
    light = light_term(heights, heights[[1, 0, 2]], torch.ones(3, 4, 4))
    assert_close(light, torch.tensor((1.0, 1.0, 0.0)) / 16)
    assert_close(again_term(heights, heights + 0.28, heights * 0 + 0.2, torch.ones(3, 4, 4)), torch.ones(3))


def test_what_translators_cannot_tell_is_the_only_error_of_the_second_look(face_model, scene):
    """One that finds nothing misses what was added, and nothing else."""
    method = Detail(face_model, SMALL)
    torch.nn.init.zeros_(method.translator.last.weight)
    _, height, batch = scene
    weight = scene[0].weight
    missed = float((0.25 * height.square() * weight).sum() / weight.sum()) / 0.08**2
    assert method.step(batch).terms["again"] == pytest.approx(missed / 2, rel=0.02)


@pytest.mark.parametrize("sees", ["difference", "concatenated"])
def test_published_inputs_have_their_channels_and_range(scene, sees):
    maps = scene[0].as_input(sees)
    assert maps.shape[1] == {"difference": 3, "concatenated": 6}[sees]
    assert float(maps.abs().max()) <= 2


def test_heights_are_bounded_and_vanish_where_nothing_is_seen(scene, displacer):
    weight = scene[0].weight
    found = displacer.read(torch.ones(1, 2, SIZE, SIZE), weight)
    assert float(found.height_mm.max()) == pytest.approx(SMALL.limit_mm)
    assert not found.height_mm[weight == 0].any()


def test_a_face_and_its_mirror_image_have_mirrored_heights(face_model, scene, displacer):
    torch.manual_seed(0)
    translator = Detail(face_model, SMALL).translator
    torch.nn.init.normal_(translator.last.weight, std=0.3)
    evidence, _, _ = scene
    maps = ShadingMaps(evidence.as_input("shading"), SIZE)
    seen = [maps.maps, maps.mirrored().maps]
    outputs = [displacer.run(translator, each) for each in seen]
    expected = displacer.read((outputs[0] + outputs[1].flip(-1)) / 2, evidence.weight)
    assert_close(displacer.find(translator, evidence).height_mm, expected.height_mm)
    assert float(expected.height_mm.detach().abs().max()) > 0.01


def test_it_overfits_one_batch(face_model, scene):
    torch.manual_seed(0)
    method = Detail(face_model, replace(SMALL, translator=TranslatorConfig(9, (12, 16, 24), 2)))
    optimiser = torch.optim.Adam(method.translator.parameters(), 5e-3)
    first = last = 0.0
    for step in range(120):
        result = method.step(scene[2])
        last = result.terms["height"]
        first = first if step else last
        optimiser.zero_grad()
        result.total["translator"].backward()
        optimiser.step()
    assert last < 0.7 * first


def test_terms_are_means_over_samples(face_model, scene):
    torch.manual_seed(0)
    method = Detail(face_model, replace(SMALL, light_weight=0.0))
    batch = replace(scene[2], graft=torch.zeros(2))
    whole = float(method.step(batch).total["translator"].detach())
    rows = [
        DetailBatch(
            **{name: value[row : row + 1] for name, value in vars(batch).items()}
            | {"twin": torch.zeros(1, dtype=torch.long), "donor": torch.zeros(1, dtype=torch.long)}
        )
        for row in (0, 1)
    ]
    parts = [float(method.step(part).total["translator"].detach()) for part in rows]
    assert whole == pytest.approx(np.mean(parts), rel=1e-4)


def test_published_losses_pull_towards_the_photo(face_model, scene):
    published = replace(
        DetailConfig.published(),
        translator=TranslatorConfig(3, (4, 6, 8), 1, "transposed", fold=1),
        texture_px=SIZE,
    )
    torch.manual_seed(0)
    method = Detail(face_model, published)
    batch = replace(scene[2], maps=scene[0].as_input("difference").expand(2, -1, -1, -1))
    result = method.step(batch)
    result.total["translator"].backward()
    assert set(result.terms) == {"photo", "size", "normal", "smooth_points", "smooth_normals", "smooth_map"}
    assert all(np.isfinite(value) for value in result.terms.values())
    assert float(method.translator.last.weight.grad.abs().max()) > 0


def test_published_values():
    config = DetailConfig.published()
    assert (config.axis, config.limit_mm, config.texture_px, config.sees) == (
        "model_z",
        1.0,
        512,
        "difference",
    )
    assert config.translator.widths[-1] == 512


def test_combinations_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="9 input channels to see shading"):
        DetailConfig(translator=TranslatorConfig(3))
    with pytest.raises(ConfigError, match="heights along the normal"):
        DetailConfig(axis="model_z")
    with pytest.raises(ConfigError, match="multiple of"):
        DetailConfig(texture_px=100)


def test_apparent_slopes_are_those_of_a_relief_along_the_light(scene):
    """Where light answers strongly, times how it answers they give the light again."""
    shown = ShadingMaps(scene[0].as_input("shading"), SIZE)
    slopes = shown.with_apparent_slopes()[:, 7:]
    explained = 2 * (slopes * shown.light_slopes).sum(dim=1)
    strong = shown.light_slopes.norm(dim=1) > 0.5
    assert strong.any()
    assert_close(explained[strong], shown.maps[:, 0][strong], rtol=0.08, atol=1e-3)
