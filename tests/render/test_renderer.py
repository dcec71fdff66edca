import math

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.geometry.rotations import matrix_from_axis_angle
from monoface.render import Renderer, composite
from monoface.shading import ambient_light, linear_to_srgb, sh_irradiance

SIZE = (96, 120)


def rays(size, focal):
    y, x = torch.meshgrid(*(torch.arange(count) + 0.5 - count / 2 for count in size), indexing="ij")
    return torch.stack((x / focal, y / focal, torch.ones_like(x)), dim=-1)


def test_an_orthographic_sphere_is_its_closed_form(sphere, weak_camera):
    verts, faces = sphere
    radius, scale, distance = 40.0, 1.0, 500.0
    centred = radius * verts[None] + torch.tensor((0.0, 0.0, distance))
    picture = Renderer(faces, SIZE).render(weak_camera(SIZE, scale), centred, torch.ones(1, len(verts), 3))
    assert float(picture.mask.sum()) == pytest.approx(math.pi * radius**2, rel=0.01)
    x, y, _ = rays(SIZE, 1.0).unbind(dim=-1)
    inside = x.hypot(y) < 0.9 * radius
    z = -(radius**2 - x**2 - y**2).clamp_min(0).sqrt()
    assert picture.mask[0][inside].all()
    assert_close(picture.depth[0][inside], (distance + z)[inside], rtol=0, atol=0.15)
    normals = torch.stack((x, y, z), dim=-1) / radius
    assert_close(picture.normals[0][inside], normals[inside], rtol=0, atol=0.03)


def test_a_pinhole_sphere_is_its_closed_form(sphere, pinhole):
    verts, faces = sphere
    radius, distance, focal = 40.0, 120.0, 110.0
    placed = radius * verts[None] + torch.tensor((0.0, 0.0, distance))
    picture = Renderer(faces, SIZE).render(pinhole(SIZE, focal), placed, torch.ones(1, len(verts), 3))
    ray = rays(SIZE, focal)
    length = ray.square().sum(dim=-1)
    discriminant = distance**2 - length * (distance**2 - radius**2)
    inside = discriminant > 0.05 * distance**2 * radius**2 / distance**2
    depth = (distance - discriminant.clamp_min(0).sqrt()) / length
    assert picture.mask[0][inside].all()
    assert_close(picture.depth[0][inside], depth[inside], rtol=0, atol=0.25)


@pytest.mark.parametrize("shading", ["pixel", "vertex"])
def test_a_uniformly_lit_sphere_sends_out_its_albedo(sphere, weak_camera, shading):
    verts, faces = sphere
    albedo = torch.tensor((0.8, 0.5, 0.3)).expand(2, len(verts), 3)
    light = ambient_light(torch.full((1, 3), math.pi))
    renderer = Renderer(faces, SIZE, shading=shading)
    picture = renderer.render(weak_camera(SIZE, 40, batch=2), verts.expand(2, -1, -1), albedo, light)
    unlit = renderer.render(weak_camera(SIZE, 40, batch=2), verts.expand(2, -1, -1), albedo)
    assert_close(picture.radiance, unlit.radiance)
    assert_close(
        picture.radiance.movedim(1, -1)[picture.mask], albedo[0, 0].expand(int(picture.mask.sum()), 3)
    )
    assert_close(picture.image, linear_to_srgb(picture.radiance))
    assert (picture.radiance.movedim(1, -1)[~picture.mask] == 0).all()


def test_light_at_vertices_is_nearly_light_at_pixels(sphere, weak_camera, rng):
    verts, faces = sphere
    light = torch.randn(1, 9, 3, generator=rng)
    pictures = [
        Renderer(faces, SIZE, shading=shading).render(
            weak_camera(SIZE, 40), verts[None], torch.ones(1, len(verts), 3), light
        )
        for shading in ("pixel", "vertex")
    ]
    assert_close(pictures[0].radiance, pictures[1].radiance, rtol=0, atol=0.01)
    normals = pictures[0].normals[0][pictures[0].mask[0]]
    expected = sh_irradiance(normals, light[0]) / math.pi
    assert_close(pictures[0].radiance[0].movedim(0, -1)[pictures[0].mask[0]], expected)


def test_turning_mesh_and_light_together_turns_only_the_picture(sphere, weak_camera):
    # A quarter turn about the viewing axis of a square picture is exact.
    verts, faces = sphere
    lumpy = verts * (1 + 0.2 * verts[:, :1])
    quarter = matrix_from_axis_angle(torch.tensor((0.0, 0.0, math.pi / 2)))
    size = (80, 80)
    albedo = verts[None] * 0.4 + 0.5
    pictures = [
        Renderer(faces, size).render(weak_camera(size, 28), points[None], albedo)
        for points in (lumpy, lumpy @ quarter.T)
    ]
    turned = pictures[0].radiance.rot90(-1, (2, 3))
    differs = (turned - pictures[1].radiance).abs().amax(dim=1) > 0.02
    assert differs.float().mean() < 0.002


def test_gradients_of_colour_with_respect_to_albedo_and_light(rng):
    corners = torch.tensor(((0.0, 0.0, 5.0), (0.0, 9.0, 6.0), (9.0, 9.0, 5.0), (9.0, 0.0, 7.0))).double()
    camera = WeakPerspectiveCamera(torch.ones(1).double(), torch.zeros(1, 2).double())
    renderer = Renderer(torch.tensor(((0, 1, 2), (0, 2, 3))), (3, 4))
    albedo = torch.rand(1, 4, 3, generator=rng, dtype=torch.float64).requires_grad_()
    light = torch.randn(1, 4, 3, generator=rng, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, s: renderer.render(camera, corners[None], a, s).radiance, (albedo, light), atol=1e-6
    )


def test_shape_follows_shading(sphere, weak_camera):
    # From a picture under known light, the shape's one parameter is found again by descent.
    verts, faces = sphere
    light = torch.zeros(1, 4, 3)
    light[:, 0], light[:, 1], light[:, 2] = 3.0, -1.0, -1.5
    renderer, camera = Renderer(faces, (40, 40)), weak_camera((40, 40), 19)

    def picture(flatness):
        points = verts * torch.stack((torch.ones(()), torch.ones(()), flatness))
        return renderer.render(camera, points[None], torch.full((1, len(verts), 3), 0.7), light).radiance

    target = picture(torch.tensor(0.5))
    flatness = torch.tensor(1.0, requires_grad=True)
    optimizer = torch.optim.Adam([flatness], lr=0.06)
    for _ in range(36):
        optimizer.zero_grad()
        (picture(flatness) - target).square().mean().backward()
        optimizer.step()
    assert flatness.item() == pytest.approx(0.5, abs=0.05)


def test_face_index_is_that_of_the_mesh_when_it_is_clipped(sphere, pinhole):
    verts, faces = sphere
    inside_out = faces.flip(1)
    # The camera stands within the ball, so half of it is cut away.
    camera = pinhole(SIZE, 60.0)
    picture = Renderer(inside_out, SIZE).render(camera, 50 * verts[None], torch.ones(1, len(verts), 3))
    assert picture.mask.all()
    centre = 50 * verts[inside_out[picture.face_index[0]]].mean(dim=-2)
    direction = torch.nn.functional.normalize(rays(SIZE, 60.0), dim=-1)
    assert_close((centre * direction).sum(dim=-1), torch.full(SIZE, 50.0), rtol=0.01, atol=0)


def test_composite_lays_a_picture_over_another():
    top, bottom = torch.full((1, 3, 2, 3), 0.8), torch.full((1, 3, 2, 3), 0.2)
    mask = torch.tensor((((1.0, 0.0, 0.5), (0.0, 0.0, 0.0)),))
    assert_close(composite(top, bottom, mask)[0, 0], torch.tensor(((0.8, 0.2, 0.5), (0.2, 0.2, 0.2))))
    assert_close(composite(top, bottom, mask > 0.7)[0, 1, 0], torch.tensor((0.8, 0.2, 0.2)))
