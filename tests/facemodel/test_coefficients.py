"""Coefficients and their layout in a network's output."""

import math

import pytest
import torch
from torch.testing import assert_close

from monoface.facemodel import CoefficientLayout
from monoface.facemodel.coefficients import clamp_straight_through, white_light
from monoface.geometry.cameras import NOMINAL_DISTANCE_MM, transform_points
from monoface.shading import sh_irradiance

LAYOUT = CoefficientLayout(4, 3)


@pytest.fixture
def outputs(rng):
    outputs = torch.randn(5, LAYOUT.size, generator=rng, dtype=torch.float64) * 0.3
    outputs[:, 4:7] = torch.rand(5, 3, generator=rng, dtype=torch.float64)
    return outputs


def test_the_layout_of_a_model(head):
    assert CoefficientLayout.of(head) == CoefficientLayout(4, 13, bounded=True)
    assert CoefficientLayout.of(head).size == 4 + 13 + 9


def test_zeros_are_an_upright_face_in_the_middle():
    coefficients, camera = LAYOUT.decode(torch.zeros(2, LAYOUT.size), 120)
    assert_close(coefficients.rotation[0], torch.diag(torch.tensor([1.0, -1.0, -1.0])))
    assert_close(coefficients.translation_mm, torch.tensor([[0.0, 0.0, NOMINAL_DISTANCE_MM]]).expand(2, 3))
    assert_close(camera.principal_px, torch.full((2, 2), 60.0))
    assert_close(camera.scale_px_per_mm, torch.full((2,), 0.0058 * 120))
    assert coefficients.albedo.shape == (2, 0)
    assert not coefficients.light.any()


def test_shift_and_scale_by_hand():
    output = torch.zeros(1, LAYOUT.size)
    output[0, -3:] = torch.tensor([2.0, 1.0, -0.5]).double().float()
    coefficients, camera = LAYOUT.decode(output, 100)
    pixels, _ = camera.project(coefficients.translation_mm[:, None])
    assert_close(pixels[0, 0], torch.tensor([75.0, 37.5]))
    assert camera.scale_px_per_mm.item() == pytest.approx(0.58 * torch.e**2, rel=1e-5)


def test_coefficients_come_back(outputs):
    coefficients, camera = LAYOUT.decode(outputs, 120)
    again, camera_again = LAYOUT.decode(LAYOUT.encode(coefficients, camera, 120), 120)
    for name in ("identity", "expression", "rotation", "translation_mm"):
        assert_close(getattr(again, name), getattr(coefficients, name))
    assert_close(camera_again.scale_px_per_mm, camera.scale_px_per_mm)
    assert_close(camera_again.principal_px, camera.principal_px)


def test_a_moved_principal_point_is_a_shift(outputs):
    coefficients, camera = LAYOUT.decode(outputs, 120)
    origin, zoom = torch.full((5, 2), 10.0, dtype=torch.float64), torch.full((5,), 2.0, dtype=torch.float64)
    cropped = camera.cropped(origin, zoom)
    point = torch.zeros(5, 1, 3, dtype=torch.float64) + coefficients.translation_mm[:, None]
    again, camera_again = LAYOUT.decode(LAYOUT.encode(coefficients, cropped, 200), 200)
    assert_close(camera_again.project(again.translation_mm[:, None])[0], cropped.project(point)[0])


def test_expressions_are_clamped_in_value_but_not_in_gradient():
    output = torch.zeros(1, LAYOUT.size)
    output[0, 4:7] = torch.tensor([-0.5, 0.25, 1.5])
    output.requires_grad_()
    expression = LAYOUT.decode(output, 120)[0].expression
    expression.sum().backward()
    assert_close(expression.detach(), torch.tensor([[0.0, 0.25, 1.0]]))
    assert_close(output.grad[0, 4:7], torch.ones(3))


def test_unbounded_expressions_stay_as_they_are():
    output = torch.full((1, LAYOUT.size), 3.0)
    assert_close(
        CoefficientLayout(4, 3, bounded=False).decode(output, 9)[0].expression, torch.full((1, 3), 3.0)
    )


def test_straight_through_clamp_by_hand():
    value = torch.tensor([-2.0, 0.5, 7.0], requires_grad=True)
    clamped = clamp_straight_through(value, 0.0, 1.0)
    clamped.square().sum().backward()
    assert_close(clamped.detach(), torch.tensor([0.0, 0.5, 1.0]))
    assert_close(value.grad, torch.tensor([0.0, 1.0, 2.0]))


def test_rows_can_be_picked(outputs):
    coefficients, _ = LAYOUT.decode(outputs, 120)
    assert_close(coefficients[slice(1, 3)].rotation, coefficients.rotation[1:3])
    assert_close(coefficients[torch.tensor([4, 0])].identity, coefficients.identity[[4, 0]])


def test_gradients(outputs):
    def decode(output):
        coefficients, camera = CoefficientLayout(4, 3, bounded=False).decode(output, 120)
        return coefficients.rotation, coefficients.translation_mm, camera.scale_px_per_mm

    assert torch.autograd.gradcheck(decode, (outputs[:2].requires_grad_(),))


FULL = CoefficientLayout(4, 3, albedo=2, light=True, focal_per_size=20.0)


@pytest.fixture
def full_outputs(outputs, rng):
    more = torch.randn(5, 2 + 27, generator=rng, dtype=torch.float64)
    return torch.cat((outputs, more), dim=1)


def test_albedo_and_light_follow_the_geometry(full_outputs):
    assert FULL.size == LAYOUT.size + 2 + 27
    assert FULL.geometry == LAYOUT
    coefficients, _ = FULL.decode(full_outputs, 120)
    assert_close(coefficients.albedo, full_outputs[:, 16:18])
    added = coefficients.light - white_light(full_outputs)
    assert_close(added, full_outputs[:, 18:].reshape(5, 9, 3))
    assert_close(FULL.split(full_outputs)[4], full_outputs[:, 14:16])


def test_without_anything_added_light_is_white_and_shows_the_albedo():
    light = FULL.decode(torch.zeros(1, FULL.size), 120)[0].light
    normals = torch.nn.functional.normalize(torch.tensor([[[0.3, -0.2, 0.9], [0.0, 1.0, 0.0]]]), dim=-1)
    assert_close(sh_irradiance(normals, light), torch.full((1, 2, 3), math.pi))


def test_the_distance_of_a_pinhole_follows_from_scale():
    output = torch.zeros(1, FULL.size)
    output[0, 13:16] = torch.tensor([0.5, 1.0, -0.5])
    coefficients, camera = FULL.decode(output, 100)
    assert camera.focal_px.item() == pytest.approx(2000)
    assert coefficients.translation_mm[0, 2].item() == pytest.approx(2000 / (0.58 * math.exp(0.5)), rel=1e-5)
    pixel = camera.project(coefficients.translation_mm[:, None])[0][0, 0]
    assert_close(pixel, torch.tensor([75.0, 37.5]))


def test_all_coefficients_come_back(full_outputs):
    posed = FULL.decode(full_outputs, 120)
    again, camera = FULL.decode(FULL.encode(*posed, 120), 120)
    for name, value in vars(posed[0]).items():
        assert_close(getattr(again, name), value)
    assert_close(camera.principal_px, posed[1].principal_px)


def test_a_pinhole_far_away_sees_as_weak_perspective_does(full_outputs):
    points = torch.randn(5, 6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 50
    seen = []
    for coefficients, camera in (
        FULL.decode(full_outputs, 120, torch.full((5,), 1e5, dtype=torch.float64)),
        FULL.geometry.decode(full_outputs, 120),
    ):
        placed = transform_points(coefficients.rotation, coefficients.translation_mm, points)
        seen.append(camera.project(placed)[0])
    assert_close(seen[0], seen[1], rtol=0, atol=1e-2)


def test_who_needs_weak_perspective_gets_no_pinhole(full_outputs):
    assert_close(
        LAYOUT.decode_weak(full_outputs, 120)[0].rotation, FULL.decode(full_outputs, 120)[0].rotation
    )
    with pytest.raises(ValueError, match="expected weak perspective, got a focal length of 20"):
        FULL.decode_weak(full_outputs, 120)
