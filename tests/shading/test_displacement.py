import math

import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from monoface.shading.displacement import (
    displaced_normals,
    displaced_points,
    height_slopes,
    tangent_space_normals,
)

SIZE = 96
RADIUS = 80.0


def _sphere(size=SIZE):
    """A part of a sphere: points, normals, and exact derivatives by u and v; v runs downwards."""
    middles = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    v, u = torch.meshgrid(middles, middles, indexing="ij")
    lon, lat = u - 0.5, 0.5 - v
    normals = torch.stack((lat.cos() * lon.sin(), lat.sin(), lat.cos() * lon.cos()), dim=-1)
    along_u = RADIUS * torch.stack((lat.cos() * lon.cos(), 0 * lat, -lat.cos() * lon.sin()), dim=-1)
    along_v = RADIUS * torch.stack((lat.sin() * lon.sin(), -lat.cos(), lat.sin() * lon.cos()), dim=-1)
    height = 0.4 * (9 * u).sin() * (11 * v).cos()
    return u, v, normals[None], along_u[None], along_v[None], height[None]


def _finite_difference_normals(points):
    """Of a grid of points, by the cross product of central differences."""
    by_v, by_u = torch.gradient(points, dim=(1, 2))
    # v points down, so the product points inwards.
    return torch.nn.functional.normalize(-torch.linalg.cross(by_u, by_v, dim=-1), dim=-1)


@pytest.mark.parametrize("axis", ["normal", "z"])
def test_agrees_with_finite_differences_of_the_displaced_surface(axis):
    _, _, normals, along_u, along_v, height = _sphere()
    directions = (
        None if axis == "normal" else torch.tensor((0.0, 0.0, 1.0), dtype=torch.float64)[None, None, None]
    )
    moved = displaced_points(RADIUS * normals, normals if directions is None else directions, height)
    expected = _finite_difference_normals(moved)[:, 2:-2, 2:-2]
    found = displaced_normals(normals, along_u, along_v, height, directions)[:, 2:-2, 2:-2]
    degrees = torch.rad2deg((found * expected).sum(dim=-1).clamp(-1, 1).acos())
    tilt = torch.rad2deg((normals[:, 2:-2, 2:-2] * expected).sum(dim=-1).clamp(-1, 1).acos())
    # The surface's own curvature is left out: 0.4 mm on a radius of 80.
    assert float(tilt.max()) > 2.5
    assert float(degrees.max()) < 0.1


def test_constant_heights_change_nothing():
    _, _, normals, along_u, along_v, height = _sphere(16)
    assert_close(displaced_normals(normals, along_u, along_v, torch.full_like(height, 0.7)), normals)


def test_mirrored_textures_give_mirrored_slopes():
    _, _, normals, along_u, along_v, height = _sphere(24)
    plain = displaced_normals(normals, along_u, along_v, height)
    turned = displaced_normals(normals.flip(2), -along_u.flip(2), along_v.flip(2), height.flip(2))
    assert_close(turned.flip(2), plain)


def test_slopes_are_for_a_unit_of_the_texture():
    u = (torch.arange(10.0) + 0.5) / 10
    by_u, by_v = height_slopes((3 * u).expand(1, 20, 10))
    assert_close(by_u, torch.full((1, 20, 10), 3.0))
    assert_close(by_v, torch.zeros(1, 20, 10))


def test_tangent_space_is_gltf_s():
    # A flat patch that looks along +z, u to the right, v down. Heights that grow to the right and upwards
    # tilt the normal to the left and down: red and green below the middle.
    shape = (1, 8, 8, 3)
    normals, along_u, along_v = (
        torch.tensor(axis).expand(shape) for axis in ((0.0, 0.0, 1.0), (8.0, 0.0, 0.0), (0.0, -8.0, 0.0))
    )
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    height = (0.5 * columns - 0.25 * rows)[None]
    displaced = displaced_normals(normals, along_u, along_v, height)
    local = tangent_space_normals(normals, along_u, along_v, displaced)[0, 4, 4]
    expected = torch.tensor((-0.5, -0.25, 1.0)) / math.sqrt(0.25 + 0.0625 + 1)
    assert_close(local, expected)


def test_tangent_space_without_a_tangent_is_straight_up():
    up = torch.tensor(((0.0, 0.0, 1.0),))
    assert_close(tangent_space_normals(up, 0 * up, 0 * up, torch.tensor(((1.0, 0.0, 0.0),))), up)


def test_gradients():
    _, _, normals, along_u, along_v, height = _sphere(4)
    height.requires_grad_()
    assert gradcheck(lambda heights: displaced_normals(normals, along_u, along_v, heights), (height,))
