"""What a rendered face holds besides its colours, and pictures with smoothed silhouettes."""

import math

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.cameras import transform_points
from monoface.geometry.rotations import matrix_from_axis_angle
from monoface.render import Renderer, normalized_coordinates, vertex_visibility
from monoface.shading import ambient_light, linear_to_srgb, srgb_to_linear

SIZE = (96, 120)


def placed(verts, radius=40.0, distance=500.0):
    return radius * verts[None] + torch.tensor((0.0, 0.0, distance))


def test_texture_coordinates_of_a_flat_square(weak_camera):
    corners = torch.tensor(((-10.0, -10.0), (-10.0, 10.0), (10.0, 10.0), (10.0, -10.0)))
    verts = torch.cat((corners, torch.full((4, 1), 9.0)), dim=1)
    faces = torch.tensor(((0, 1, 2), (0, 2, 3)))
    picture = Renderer(faces, (20, 20)).render(weak_camera((20, 20), 1.0), verts[None], torch.ones(1, 4, 3))
    uv = picture.interpolate((corners / 20 + 0.5)[None])
    middles = (torch.arange(20) + 0.5) / 20
    assert_close(uv[0], torch.stack((middles.expand(20, 20), middles[:, None].expand(20, 20)), dim=-1))


def test_normalized_coordinates_are_those_of_the_mean_face(sphere, pinhole):
    verts, faces = sphere
    stretched = verts * torch.tensor((1.0, 2.0, 3.0))
    codes = normalized_coordinates(stretched)
    assert_close(codes.amin(dim=0), torch.zeros(3))
    assert_close(codes.amax(dim=0), torch.ones(3))
    # The codes of a ball in the picture are half its normals, whatever its place.
    picture = Renderer(faces, SIZE).render(pinhole(SIZE, 300), placed(verts), torch.ones(1, len(verts), 3))
    seen = picture.interpolate(codes[None])[picture.mask]
    assert_close(seen, picture.normals[picture.mask] / 2 + 0.5, rtol=0, atol=0.01)


def test_attributes_are_those_of_the_mesh_when_it_is_clipped(sphere, pinhole):
    verts, faces = sphere
    points = 50 * verts[None]
    picture = Renderer(faces.flip(1), SIZE).render(pinhole(SIZE, 60.0), points, torch.ones(1, len(verts), 3))
    assert_close(picture.interpolate(points)[..., 2], picture.depth)


@pytest.mark.parametrize("shading", ["pixel", "vertex"])
def test_albedo_from_a_texture_is_albedo_at_vertices(head, weak_camera, rng, shading):
    verts, faces, uv, weld = head
    light = 0.2 * torch.randn(1, 9, 3, generator=rng)
    light[:, 0] = 3
    # A ramp, which neither interpolating nor averaging changes.
    ramp = (torch.arange(256.0) + 0.5) / 256
    image = torch.stack((ramp.expand(256, 256), ramp[:, None].expand(256, 256), torch.ones(256, 256)))
    at_vertices = torch.cat((uv, torch.ones(len(uv), 1)), dim=1)
    renderer = Renderer(faces, SIZE, weld, shading, uv=uv)
    camera, points = weak_camera(SIZE, 0.35), verts[None]
    textured = renderer.render(camera, points, image[None], light)
    plain = renderer.render(camera, points, at_vertices[None], light)
    assert_close(textured.radiance, plain.radiance, rtol=0, atol=0.012)
    assert (textured.radiance.movedim(1, -1)[~textured.mask] == 0).all()


def test_every_input_has_a_gradient(head, weak_camera):
    verts, faces, uv, weld = head
    camera = weak_camera(SIZE, 0.35)
    inputs = {
        "verts": verts[None].clone(),
        "texture": torch.full((1, 3, 64, 64), 0.5),
        "light": ambient_light(torch.ones(1, 3)),
        "scale": camera.scale_px_per_mm,
        "principal": camera.principal_px.clone(),
    }
    inputs = {name: value.requires_grad_() for name, value in inputs.items()}
    camera = type(camera)(inputs["scale"], inputs["principal"])
    renderer = Renderer(faces, SIZE, weld, uv=uv, antialias=True)
    picture = renderer.render(camera, inputs["verts"], inputs["texture"], inputs["light"])
    ramp = torch.linspace(0, 1, SIZE[1]) * torch.linspace(1, 2, SIZE[0])[:, None]
    ((picture.radiance * ramp).sum() + (picture.opacity * ramp).sum()).backward()
    for name, value in inputs.items():
        assert value.grad.abs().sum() > 0, name
        assert value.grad.isfinite().all(), name


def test_a_texture_without_coordinates_is_refused(sphere, weak_camera):
    verts, faces = sphere
    with pytest.raises(ValueError, match="albedo: a texture needs the renderer's `uv`"):
        Renderer(faces, SIZE).render(weak_camera(SIZE, 1.0), placed(verts), torch.ones(1, 3, 4, 4))


def test_a_balls_opacity_covers_the_area_of_its_circle(sphere, weak_camera):
    verts, faces = sphere
    radius = 30.3
    picture = Renderer(faces, SIZE, antialias=True).render(
        weak_camera(SIZE, 1.0), placed(verts, radius), torch.ones(1, len(verts), 3)
    )
    # The sphere's polygon is a little smaller than its circle.
    assert float(picture.opacity.sum()) == pytest.approx(math.pi * radius**2, rel=1.5e-3)
    between = (picture.opacity > 0.02) & (picture.opacity < 0.98)
    assert between.sum() > 100
    assert_close(picture.radiance[:, 0], picture.opacity)


def test_the_gradient_of_a_balls_area_is_its_circumference(sphere, weak_camera):
    verts, faces = sphere
    radius = torch.tensor(30.3, requires_grad=True)
    points = radius * verts[None] + torch.tensor((0.0, 0.0, 500.0))
    renderer = Renderer(faces, SIZE, antialias=True)
    renderer.render(weak_camera(SIZE, 1.0), points, torch.ones(1, len(verts), 3)).opacity.sum().backward()
    # Something is lost where the silhouette changes from blending rows to blending columns.
    assert radius.grad.item() == pytest.approx(2 * math.pi * 30.3, rel=0.03)


def test_seams_of_the_texture_are_no_silhouettes(head, weak_camera):
    verts, faces, _, weld = head
    # Seen from behind the seam runs down the middle.
    turned = verts * torch.tensor((-1.0, 1.0, -1.0)) + torch.tensor((0.2, 0.0, 300.0))
    albedo = torch.rand(1, len(verts), 3, generator=torch.Generator().manual_seed(1))[:, weld]
    pictures = [
        Renderer(faces, SIZE, weld, antialias=smooth).render(weak_camera(SIZE, 0.35), turned[None], albedo)
        for smooth in (False, True)
    ]
    changed = (pictures[0].radiance != pictures[1].radiance).any(dim=1)[0]
    assert changed.any()
    assert not changed[20:76, 55:65].any()


def test_a_face_lies_over_a_photo(sphere, weak_camera, rng):
    verts, faces = sphere
    photo = torch.rand(1, 3, *SIZE, generator=rng)
    camera, albedo = weak_camera(SIZE, 1.0), torch.full((1, len(verts), 3), 0.4)
    plain = Renderer(faces, SIZE).render(camera, placed(verts), albedo).over(photo)
    smooth = Renderer(faces, SIZE, antialias=True).render(camera, placed(verts), albedo)
    inside, outside = smooth.opacity[0] == 1, smooth.opacity[0] == 0
    shown = smooth.over(photo)
    assert_close(shown[0][:, inside], linear_to_srgb(torch.tensor(0.4)).expand(3, int(inside.sum())))
    assert torch.equal(shown[0][:, outside], photo[0][:, outside])
    assert_close(plain[0][:, inside], shown[0][:, inside])
    between = ~inside & ~outside
    share = smooth.opacity[0][between]
    mixed = 0.4 * share + (1 - share) * srgb_to_linear(photo[0][:, between])
    assert_close(srgb_to_linear(shown[0][:, between]), mixed, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("perspective", [False, True])
def test_turning_mesh_and_camera_together_changes_nothing(head, weak_camera, pinhole, perspective):
    verts, faces, _, weld = head
    camera = pinhole(SIZE, 300) if perspective else weak_camera(SIZE, 0.35)
    rotation = matrix_from_axis_angle(torch.tensor(((0.3, -0.5, 0.2),)))
    turn = matrix_from_axis_angle(torch.tensor(((1.1, 0.7, -2.0),)))
    translation, albedo = torch.tensor(((5.0, -3.0, 700.0),)), torch.rand(1, len(verts), 3)
    light = ambient_light(torch.ones(1, 3))
    renderer = Renderer(faces, SIZE, weld)
    pictures = [
        renderer.render(camera, transform_points(pose, translation, points), albedo, light)
        for pose, points in ((rotation, verts[None]), (rotation @ turn.mT, verts[None] @ turn.mT))
    ]
    # Rounding moves a few vertices to the next point of the grid.
    same = pictures[0].face_index == pictures[1].face_index
    assert same.float().mean() > 0.999
    assert_close(pictures[0].depth[same], pictures[1].depth[same], rtol=0, atol=0.3)
    assert (pictures[0].radiance - pictures[1].radiance).abs().mean() < 1e-4


def test_the_energy_of_a_uniformly_lit_ball(sphere, weak_camera):
    verts, faces = sphere
    radius, albedo, irradiance = 40.0, torch.tensor((0.8, 0.5, 0.3)), 2.0
    picture = Renderer(faces, SIZE, antialias=True).render(
        weak_camera(SIZE, 1.0),
        placed(verts, radius),
        albedo.expand(1, len(verts), 3),
        ambient_light(torch.full((1, 3), irradiance)),
    )
    energy = picture.radiance.sum(dim=(2, 3))[0]
    assert_close(energy, albedo * irradiance / math.pi * math.pi * radius**2, rtol=2e-3, atol=0)


def test_a_balls_shadow_has_its_closed_form(sphere, pinhole):
    # From a pinhole at distance d a ball of radius r hides what its cone of sine r / d meets behind it,
    # and shows of itself the cap of height r (1 - r / d).
    verts, faces = sphere
    radius, distance, wall = 20.0, 100.0, 400.0
    side = torch.linspace(-150, 150, 101)
    x, y = torch.meshgrid(side, side, indexing="xy")
    plane = torch.stack((x, y, torch.full_like(x, wall)), dim=-1).reshape(-1, 3)
    corner = (torch.arange(100)[:, None] * 101 + torch.arange(100)).flatten()
    quads = torch.stack((corner, corner + 101, corner + 102, corner, corner + 102, corner + 1), dim=1)
    points = torch.cat((radius * verts + torch.tensor((0.0, 0.0, distance)), plane))
    both = torch.cat((faces, quads.reshape(-1, 3) + len(verts)))
    camera, size = pinhole((200, 200), 250.0), (200, 200)
    projected = torch.cat((camera.project(points[None])[0], points[None, :, 2:]), dim=-1)
    visible = vertex_visibility(projected, both, size, perspective=True, tolerance_mm=0.5)[0]
    sine = radius / distance
    shadow = wall * sine / math.sqrt(1 - sine**2)
    from_axis = plane[:, :2].norm(dim=1)
    on_plane = visible[len(verts) :]
    assert not on_plane[from_axis < shadow - 3].any()
    assert on_plane[(from_axis > shadow + 3) & (from_axis < 150)].all()
    cap = -verts[:, 2] > sine
    assert (visible[: len(verts)] == cap).float().mean() > 0.98
