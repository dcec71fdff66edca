import math

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.rotations import matrix_from_axis_angle
from monoface.shading import (
    ambient_light,
    rotate_radiance,
    sh_basis,
    sh_irradiance,
    shade,
)
from monoface.shading.harmonics import shade_reference


@pytest.fixture
def normals(rng):
    return torch.nn.functional.normalize(torch.randn(2, 9, 3, dtype=torch.float64, generator=rng), dim=-1)


def sphere_grid(rows=80):
    """Directions on a latitude-longitude grid, and the solid angle each stands for."""
    polar = (torch.arange(rows, dtype=torch.float64) + 0.5) * math.pi / rows
    azimuth = torch.arange(2 * rows, dtype=torch.float64) * math.pi / rows
    polar, azimuth = torch.meshgrid(polar, azimuth, indexing="ij")
    x, y, z = polar.sin() * azimuth.cos(), polar.sin() * azimuth.sin(), polar.cos()
    solid_angle = polar.sin() * (math.pi / rows) ** 2
    return torch.stack((x, y, z), dim=-1).flatten(0, 1), solid_angle.flatten()[:, None]


def test_basis_by_hand():
    basis = sh_basis(torch.tensor(((0.0, 0.0, 1.0), (1.0, 0.0, 0.0))))
    degree_1, zonal = math.sqrt(3 / (4 * math.pi)), math.sqrt(5 / (16 * math.pi))
    constant, sectoral = 0.5 / math.sqrt(math.pi), math.sqrt(15 / (16 * math.pi))
    expected = (
        (constant, 0, degree_1, 0, 0, 0, 2 * zonal, 0, 0),
        (constant, 0, 0, degree_1, 0, 0, -zonal, 0, sectoral),
    )
    assert_close(basis, torch.tensor(expected))


def test_basis_is_orthonormal():
    directions, solid_angle = sphere_grid()
    basis = sh_basis(directions)
    assert_close(basis.T @ (basis * solid_angle), torch.eye(9).double(), rtol=0, atol=1e-3)


def test_agrees_with_the_integral(normals, rng):
    radiance = torch.randn(9, 3, dtype=torch.float64, generator=rng)
    directions, solid_angle = sphere_grid()
    cosine = (directions @ normals[0].T).clamp_min(0)
    expected = cosine.T @ (sh_basis(directions) @ radiance * solid_angle)
    assert_close(sh_irradiance(normals[0], radiance), expected, rtol=2e-3, atol=2e-3)


def test_fewer_coefficients_are_the_same_as_zeros(normals, rng):
    radiance = torch.randn(2, 9, 3, dtype=torch.float64, generator=rng)
    radiance[:, 4:] = 0
    assert_close(sh_irradiance(normals, radiance[:, :4]), sh_irradiance(normals, radiance))


def test_light_along_an_axis_turns_with_it(normals):
    # Degree 1 is a vector of radiance: y, z, x.
    rotation = matrix_from_axis_angle(torch.tensor((0.4, -0.2, 1.0), dtype=torch.float64))
    along = torch.tensor((0.3, 0.8, -0.5), dtype=torch.float64)
    light = torch.zeros(4, 3, dtype=torch.float64)
    light[1:] = along[[1, 2, 0], None]
    turned = torch.zeros(4, 3, dtype=torch.float64)
    turned[1:] = (rotation @ along)[[1, 2, 0], None]
    assert_close(sh_irradiance(normals[0] @ rotation.T, turned), sh_irradiance(normals[0], light))


def test_ambient_light_shades_to_albedo(normals, rng):
    albedo = torch.rand(2, 9, 3, dtype=torch.float64, generator=rng)
    light = ambient_light(torch.full((2, 3), math.pi, dtype=torch.float64))
    assert_close(shade(albedo, normals, light), albedo)


@pytest.mark.parametrize("count", [1, 4, 9])
def test_fused_shading_is_that_of_the_definition(normals, rng, count):
    albedo = torch.rand(2, 9, 3, dtype=torch.float64, generator=rng)
    light = torch.randn(2, count, 3, dtype=torch.float64, generator=rng)
    weights = torch.randn(2, 9, 3, dtype=torch.float64, generator=rng)
    outcomes = []
    for function in (shade, shade_reference):
        inputs = [tensor.clone().requires_grad_() for tensor in (albedo, normals, light)]
        radiance = function(*inputs)
        (radiance * weights).sum().backward()
        outcomes.append((radiance, *(value.grad for value in inputs)))
    for fused, definition in zip(*outcomes, strict=True):
        assert_close(fused, definition)


def test_gradients(normals, rng):
    albedo = torch.rand(2, 9, 3, dtype=torch.float64, generator=rng)
    light = torch.randn(2, 9, 3, dtype=torch.float64, generator=rng)
    inputs = tuple(tensor.requires_grad_() for tensor in (albedo, normals, light))
    assert torch.autograd.gradcheck(shade, inputs)


@pytest.mark.parametrize("count", [0, 2, 3, 16])
def test_other_numbers_of_coefficients_are_refused(normals, count):
    with pytest.raises(ValueError, match=f"1, 4 or 9 SH coefficients, got {count}"):
        sh_irradiance(normals, torch.zeros(2, count, 3, dtype=torch.float64))


def test_turned_light_lights_turned_normals_alike(normals, rng):
    radiance = torch.randn(2, 9, 3, dtype=torch.float64, generator=rng)
    rotation = matrix_from_axis_angle(torch.tensor([[0.3, -1.2, 0.4], [2.0, 0.1, 0.0]], dtype=torch.float64))
    turned = sh_irradiance(normals @ rotation.mT, rotate_radiance(radiance, rotation))
    assert_close(turned, sh_irradiance(normals, radiance))
    back = rotate_radiance(rotate_radiance(radiance, rotation), rotation.mT)
    assert_close(back, radiance)
