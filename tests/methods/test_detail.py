from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ConfigError, DataError
from monoface.data.batches.detail_batch import DetailBatch, PicturedDetailBatch
from monoface.displacement.evidence import ShadingMaps, irradiance, without_slow_changes
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.methods.detail import Detail, DetailConfig, Displacement, Displacer
from monoface.methods.detail.looks import Look
from monoface.methods.detail.mesh_losses import MeshLosses
from monoface.methods.detail.method import pictures_of
from monoface.methods.detail.pixel_terms import DenseFaces, Pictures, pixel_terms
from monoface.methods.detail.texture_terms import again_term, known_terms, light_term
from monoface.networks import TranslatorConfig
from monoface.render import DenseMesh, Renderer
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
        blur=torch.tensor((0.5, 0.0)),
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
    white = evidence.light.mean(dim=-1, keepdim=True).expand_as(evidence.light)
    normals = displacer.normals(height, evidence.surface), evidence.surface.normals
    fine, coarse = (irradiance(one, white)[..., 0] for one in normals)
    exact = without_slow_changes((fine / coarse).log()[:, None], evidence.weight)[:, 0]
    first_order = ShadingMaps(evidence.as_input("shading"), SIZE).explained(height)
    assert _correlation(exact, grey, evidence.weight) > 0.98
    assert _correlation(first_order, exact, evidence.weight) > 0.95


def test_mirrored_maps_are_those_of_the_mirrored_face(scene):
    evidence, height, _ = scene
    shown = ShadingMaps(evidence.as_input("shading"), SIZE)
    turned = shown.mirrored()
    assert_close(turned.explained(height.flip(-1)).flip(-1), shown.explained(height))
    assert_close(turned.mirrored().maps, shown.maps)


def test_blurred_maps_are_less_sharp_and_keep_what_is_even(scene):
    evidence, *_ = scene
    maps = evidence.as_input("shading")
    shown = ShadingMaps(torch.cat((maps, maps)), SIZE)
    blurred = shown.blurred(torch.tensor((0.0, 1.0)))
    assert_close(blurred.maps[0], shown.maps[0])
    assert_close(blurred.maps[:, 3:], shown.maps[:, 3:])
    sharpness = [one.maps[:, 0].diff(dim=-1).square().mean(dim=(1, 2)) for one in (shown, blurred)]
    assert float(sharpness[1][1]) < 0.7 * float(sharpness[0][1])
    even = ShadingMaps(maps.clone(), SIZE)
    even.maps[:, :3] = 0.3 * even.maps[:, 5:6]
    seen = even.weight[0] > 0.2
    assert_close(even.blurred(torch.ones(1)).maps[0, :3, seen], even.maps[0, :3, seen], atol=1e-3, rtol=1e-2)


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

    heights = torch.tensor((0.05, 0.01, 0.5))[:, None, None].expand(3, 4, 4)
    light = light_term(heights, heights[[1, 0, 2]], torch.ones(3, 4, 4), 1e-4)
    assert_close(light, torch.tensor((1.0, 1.0, 0.0)), rtol=1e-2, atol=1e-6)
    # Far below the limit: squares over twice as much.
    light = light_term(heights, heights[[1, 0, 2]], torch.ones(3, 4, 4), 1.0)
    assert_close(light, torch.tensor((1.0, 1.0, 0.0)) * 0.04 / 2, rtol=1e-2, atol=1e-6)
    assert_close(again_term(heights, heights + 0.34, heights * 0 + 0.2, torch.ones(3, 4, 4)), torch.ones(3))


def test_what_translators_cannot_tell_is_the_only_error_of_the_second_look(face_model, scene):
    """One that finds nothing misses what was added, and nothing else."""
    method = Detail(face_model, SMALL)
    torch.nn.init.zeros_(method.translator.last.weight)
    _, height, batch = scene
    weight = scene[0].weight
    missed = float((0.25 * height.square() * weight).sum() / weight.sum()) / 0.14**2
    assert method.step(batch).terms["again"] == pytest.approx(missed / 2, rel=0.02)


@pytest.mark.parametrize("sees", ["difference", "concatenated"])
def test_published_inputs_have_their_channels_and_range(scene, sees):
    maps = scene[0].as_input(sees)
    assert maps.shape[1] == {"difference": 3, "concatenated": 6}[sees]
    assert float(maps.abs().max()) <= 2


def test_heights_are_bounded_and_vanish_where_nothing_is_seen(scene, displacer):
    weight = scene[0].weight
    found = displacer.read(torch.ones(1, 2, SIZE, SIZE), weight)
    assert float(found.height_mm.max()) == pytest.approx(SMALL.limit_mm - 0.9 * SMALL.dead_zone_mm)
    assert not found.height_mm[weight == 0].any()


def test_a_finer_texture_has_the_same_heights(face_model, scene, displacer):
    torch.manual_seed(0)
    translator = Detail(face_model, SMALL).translator
    torch.nn.init.normal_(translator.last.weight, std=0.3)
    maps = scene[0].as_input("shading")
    larger = maps.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)
    finer = Displacer(face_model, SMALL, 2 * SIZE)
    with torch.no_grad():
        expected, found = displacer.run(translator, maps), finer.run(translator, larger)
    assert found.shape[-1] == 2 * SIZE
    smooth = torch.nn.functional.interpolate(expected, scale_factor=2, mode="bilinear", align_corners=False)
    # The region may differ by a texel, and with it the window.
    assert float((found - smooth).abs().mean()) < 0.02 * float(smooth.abs().mean())
    assert float(smooth.abs().mean()) > 1e-3


def test_low_heights_are_quietened_and_order_is_kept(scene, displacer):
    weight = torch.ones_like(scene[0].weight)
    raw_mm = torch.tensor((0.001, 0.02, 0.2, 1.0))
    output = torch.zeros(1, 2, SIZE, SIZE)
    output[0, 0, 0, :4] = raw_mm / SMALL.limit_mm
    found = displacer.read(output, weight).height_mm[0, 0, :4]
    assert float(found[0] / raw_mm[0]) == pytest.approx(0.1, rel=1e-2)
    assert_close(found[2:], raw_mm[2:] - 0.9 * SMALL.dead_zone_mm, rtol=2e-2, atol=0)
    assert (found.diff() > 0).all()
    assert_close(displacer.read(-output, weight).height_mm[0, 0, :4], -found)


def test_a_face_and_its_mirror_image_have_mirrored_heights(face_model, scene, displacer):
    torch.manual_seed(0)
    translator = Detail(face_model, SMALL).translator
    torch.nn.init.normal_(translator.last.weight, std=0.3)
    evidence, *_ = scene
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


def small_published(face_model, **changes):
    """The published form with a small network on small maps, in a batch of a face with known relief."""
    config = replace(
        DetailConfig.published(),
        translator=TranslatorConfig(3, (8, 12, 16), 1, "transposed", fold=1),
        texture_px=SIZE,
        picture_px=SIZE,
        **changes,
    )
    torch.manual_seed(0)
    return Detail(face_model, config)


def pictured(scene, face_model):
    """A face of the batch with a picture of its relief, displaced along z and drawn."""
    evidence, height, batch = scene
    method = small_published(face_model)
    mesh = DenseMesh.from_layout(method.displacer.layout, face_model.uv)
    directions = method.displacer.directions(evidence.surface, FRONTAL[None])
    points = evidence.surface.points + 3 * height[..., None] * directions
    verts, colours = mesh.from_texture(points.movedim(-1, 1)), face_model.albedo(batch.albedo[:1])
    camera = torch.tensor((SIZE / 190, SIZE / 2, SIZE / 2))
    drawn = Renderer(mesh.faces, (SIZE, SIZE)).render(
        WeakPerspectiveCamera(camera[:1], camera[None, 1:]),
        verts,
        mesh.from_vertices(colours),
        evidence.light,
    )
    maps = evidence.as_input("difference")
    known = {name: value[:1] for name, value in vars(batch).items()} | {"maps": maps}
    background = torch.full((1, 3, SIZE, SIZE), 0.3)
    return PicturedDetailBatch(**known, picture=drawn.over(background).clamp(0, 1), camera=camera[None])


def test_published_losses_overfit_one_batch(face_model, scene):
    method, batch = small_published(face_model), pictured(scene, face_model)
    optimiser = torch.optim.Adam(method.translator.parameters(), 3e-2)
    photo = []
    for _ in range(30):
        result = method.step(batch)
        photo.append(result.terms["photo"])
        optimiser.zero_grad()
        result.total["translator"].backward()
        optimiser.step()
    assert photo[-1] < 0.7 * photo[0]


def test_texels_are_compared_without_pictures(face_model, scene):
    method = small_published(face_model, losses="mesh_texels")
    batch = replace(scene[2], maps=scene[0].as_input("difference").expand(2, -1, -1, -1))
    result = method.step(batch)
    result.total["translator"].backward()
    assert set(result.terms) == {"photo", "size", "normal", "smooth_points", "smooth_normals", "smooth_map"}
    assert all(np.isfinite(value) for value in result.terms.values())
    assert float(method.translator.last.weight.grad.abs().max()) > 0
    with pytest.raises(DataError, match="packs with pictures"):
        small_published(face_model).step(batch)


def mesh_terms(face_model, scene):
    """The published terms on pixels as a function of heights, in 64 bits."""
    evidence, _, batch = scene
    method = small_published(face_model)
    pictures = pictures_of(pictured(scene, face_model))
    camera = WeakPerspectiveCamera(
        pictures.camera.scale_px_per_mm[:1].double(), pictures.camera.principal_px[:1].double()
    )
    pictures = Pictures(pictures.photo[:1].double(), camera)
    surface = replace(
        evidence.surface,
        **{name: value.double() for name, value in vars(evidence.surface).items() if name != "mask"},
    )
    exact = {name: value.double() for name, value in vars(evidence).items() if name != "surface"}
    evidence = replace(evidence, surface=surface, **exact)
    losses = MeshLosses(method.displacer)
    return lambda height: losses.terms(height, evidence, batch.albedo[:1], FRONTAL[None].double(), pictures)


def test_gradients_on_pixels_are_those_of_finite_differences(face_model, scene):
    # Heights along z move nothing sideways in a face that looks at the camera: pixels keep their triangles.
    evidence, height, _ = scene
    terms = mesh_terms(face_model, scene)
    start = (0.5 * height).double().requires_grad_()
    random = torch.Generator().manual_seed(3)
    texels = torch.multinomial((evidence.weight > 0.5).double().flatten(), 3, generator=random)
    steps = 1e-5 * torch.eye(SIZE * SIZE, dtype=torch.float64)[texels].view(-1, 1, SIZE, SIZE)
    with torch.no_grad():
        around = [(terms(start + step), terms(start - step)) for step in steps]
    found = terms(start)
    for name in ("photo", "size", "normal", "smooth_normals"):
        differences = torch.cat([(above[name] - below[name]) / 2e-5 for above, below in around])
        gradient = torch.autograd.grad(found[name].sum(), start, retain_graph=True)[0].flatten()[texels]
        assert_close(gradient, differences, rtol=1e-3, atol=1e-9)
        assert gradient.any(), name


def test_depths_differ_by_the_heights_of_what_is_seen(face_model, scene):
    method = small_published(face_model)
    mesh = DenseMesh.from_layout(method.displacer.layout, face_model.uv)
    evidence, _, batch = scene
    verts = mesh.from_texture(evidence.surface.points.movedim(-1, 1))
    nearer = verts - torch.tensor((0.0, 0.0, 0.5))
    weight = torch.ones_like(verts[..., 0])
    camera = WeakPerspectiveCamera(torch.tensor((SIZE / 190,)), torch.full((1, 2), SIZE / 2))
    faces = DenseFaces(verts, nearer, torch.full_like(verts, 0.5), batch.light[:1], weight)
    drawn = Renderer(mesh.faces, (SIZE, SIZE)).render(camera, verts, faces.albedo, faces.light)
    pictures = Pictures(drawn.over(torch.zeros(1, 3, SIZE, SIZE)), camera)
    found = pixel_terms(mesh, faces, pictures)
    assert_close(found["depth"], torch.tensor((0.25,)), rtol=1e-3, atol=0)
    # A face that is moved towards the camera as a whole looks the same: the root of 1e-8 is left.
    assert_close(found["photo"], torch.tensor((1e-4,)), rtol=0.01, atol=1e-3)
    unseen = pixel_terms(mesh, replace(faces, weight=torch.zeros_like(weight)), pictures)
    assert_close(unseen["photo"], torch.zeros(1))


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
    with pytest.raises(ConfigError, match="picture_px of at least 16, got 8"):
        DetailConfig(picture_px=8)


def test_apparent_slopes_are_those_of_a_relief_along_the_light(scene):
    """Where light answers strongly, times how it answers they give the light again."""
    shown = ShadingMaps(scene[0].as_input("shading"), SIZE)
    slopes = shown.with_apparent_slopes()[:, 7:]
    explained = 2 * (slopes * shown.light_slopes).sum(dim=1)
    strong = shown.light_slopes.norm(dim=1) > 0.5
    assert strong.any()
    assert_close(explained[strong], shown.maps[:, 0][strong], rtol=0.08, atol=1e-3)
