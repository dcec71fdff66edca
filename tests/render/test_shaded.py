import math

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.triangles import vertex_normals
from monoface.raster import Fragments, rasterize
from monoface.render import Renderer, renderer
from monoface.render.shaded import shade_pixels, shade_pixels_reference
from monoface.shading import ambient_light

SIZE = (37, 45)


@pytest.fixture
def scene(head, rng):
    """Normals, albedo and light of three heads, their faces, and what they show in small pictures."""

    def make(dtype=torch.float64, batch=3, count=9):
        verts, faces, _, _ = head
        turned = verts + 4 * torch.randn(batch, len(verts), 3, generator=rng)
        normals = vertex_normals(turned, faces).to(dtype)
        placed = turned * torch.tensor((0.15, 0.15, 1.0)) + torch.tensor((SIZE[1] / 2, SIZE[0] / 2, 500.0))
        fragments = rasterize(placed.to(dtype), faces, SIZE, perspective=True)
        albedo = torch.rand(batch, len(verts), 3, generator=rng).to(dtype)
        light = torch.randn(batch, count, 3, generator=rng).to(dtype)
        return (normals, albedo, light), faces, fragments

    return make


def outcome(function, floats, faces, fragments, weights):
    """Radiance, and the gradients of normals, albedo, light and barycentrics."""
    leaves = [value.clone().requires_grad_() for value in (*floats, fragments.barycentric)]
    seen = Fragments(fragments.face_index, leaves[3], fragments.depth)
    radiance = function(*leaves[:3], faces, seen)
    (radiance * weights).sum().backward()
    return radiance.detach(), *(leaf.grad for leaf in leaves)


def test_a_uniformly_lit_triangle_shows_its_blended_albedo():
    verts = torch.tensor((((0.0, 0.0, 5.0), (0.0, 8.0, 5.0), (8.0, 0.0, 5.0)),))
    faces = torch.tensor(((0, 1, 2),))
    fragments = rasterize(verts, faces, (8, 8))
    normals = torch.tensor((0.0, 0.0, -1.0)).expand(1, 3, 3)
    radiance = shade_pixels(
        normals, torch.eye(3)[None], ambient_light(torch.full((1, 3), math.pi)), faces, fragments
    )
    assert_close(radiance[0, 1, 2], torch.tensor((1 - 4.0 / 8, 1.5 / 8, 2.5 / 8)))
    assert (radiance[0, 7, 7] == 0).all()


@pytest.mark.parametrize(("dtype", "count"), [(torch.float32, 9), *((torch.float64, n) for n in (1, 4, 9))])
def test_values_and_gradients_are_those_of_the_definition(scene, rng, dtype, count):
    (normals, albedo, light), faces, fragments = scene(dtype, count=count)
    # Some triangles without a normal: they are lit by what every direction gets, and pass nothing on.
    normals[:, : len(normals[0]) // 2] = 0
    assert 0.2 < fragments.mask.double().mean() < 0.8
    weights = torch.randn(3, *SIZE, 3, generator=rng).to(dtype)
    outcomes = [
        outcome(function, (normals, albedo, light), faces, fragments, weights)
        for function in (shade_pixels, shade_pixels_reference)
    ]
    for fused, definition in zip(*outcomes, strict=True):
        scale = float(definition.abs().max())
        assert_close(fused, definition, rtol=0, atol=scale * (2e-6 if dtype == torch.float32 else 1e-12))


def test_gradients_by_differences(rng):
    verts = torch.tensor((((0.0, 0.0, 5.0), (0.0, 9.0, 6.0), (9.0, 9.0, 5.0), (9.0, 0.0, 7.0)),)).double()
    faces = torch.tensor(((0, 1, 2), (0, 2, 3)))
    fragments = rasterize(verts, faces, (3, 4))
    normals, albedo = (torch.randn(1, 4, 3, generator=rng, dtype=torch.float64) for _ in range(2))
    light = torch.randn(1, 9, 3, generator=rng, dtype=torch.float64)
    leaves = tuple(x.clone().requires_grad_() for x in (normals, albedo, light, fragments.barycentric))

    def radiance(n, a, s, barycentric):
        return shade_pixels(n, a, s, faces, Fragments(fragments.face_index, barycentric, fragments.depth))

    assert torch.autograd.gradcheck(radiance, leaves)


@pytest.mark.parametrize("batch", [1, 3])
def test_the_number_of_threads_changes_no_bit(scene, rng, batch):
    inputs = scene(torch.float32, batch)
    weights = torch.randn(batch, *SIZE, 3, generator=rng)
    outcomes = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        outcomes.append(outcome(shade_pixels, *inputs, weights))
    torch.set_num_threads(1)
    for other in outcomes[1:]:
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(other, outcomes[0], strict=True))


@pytest.mark.parametrize("smooth", [False, True])
def test_a_clipped_mesh_is_shaded_as_the_definition_says(sphere, pinhole, rng, monkeypatch, smooth):
    verts, faces = sphere
    # The camera stands within the ball, so half of it is cut away.
    ball, light = 50 * verts[None], torch.randn(1, 9, 3, generator=rng)
    albedo = torch.rand(1, len(verts), 3, generator=rng)
    weights = torch.randn(1, 3, *SIZE, generator=rng)
    outcomes = []
    for function in (shade_pixels, shade_pixels_reference):
        monkeypatch.setattr(renderer, "shade_pixels", function)
        leaves = [value.clone().requires_grad_() for value in (ball, albedo, light)]
        picture = Renderer(faces.flip(1), SIZE, antialias=smooth).render(pinhole(SIZE, 20.0), *leaves)
        (picture.radiance * weights).sum().backward()
        outcomes.append((picture.radiance.detach(), *(leaf.grad for leaf in leaves)))
    for fused, definition in zip(*outcomes, strict=True):
        assert_close(fused, definition, rtol=0, atol=2e-5 * float(definition.abs().max()))


def test_other_numbers_of_coefficients_are_refused(scene):
    floats, faces, fragments = scene(count=3)
    with pytest.raises(ValueError, match="1, 4 or 9 SH coefficients, got 3"):
        shade_pixels(*floats, faces, fragments)


def test_what_does_not_fit_is_refused(scene):
    (normals, albedo, light), faces, fragments = scene()
    with pytest.raises(ValueError, match="attributes"):
        shade_pixels(normals, albedo.float(), light, faces, fragments)
    with pytest.raises(ValueError, match="face"):
        shade_pixels(normals[:, :5], albedo[:, :5], light, faces, fragments)
