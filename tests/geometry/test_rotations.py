"""Rotations: signs by hand, round trips, and gradients where formulas divide by zero."""

import math

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.rotations import (
    angle_between,
    camera_to_head,
    cross_matrix,
    degrees,
    head_angles_from_matrix,
    head_matrix_from_angles,
    head_to_camera,
    matrix_from_6d,
    matrix_from_axis_angle,
    matrix_to_6d,
    turn_between,
)

NOSE = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
TOP = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
RIGHT, DOWN = 0, 1


def angle(value):
    return torch.tensor(value, dtype=torch.float64)


def head(yaw=0.0, pitch=0.0, roll=0.0):
    return head_matrix_from_angles(angle(yaw), angle(pitch), angle(roll))


@pytest.fixture
def rotations(rng):
    return matrix_from_axis_angle(torch.randn(7, 3, generator=rng, dtype=torch.float64))


def test_an_upright_frontal_face_looks_into_the_camera():
    rotation = head_to_camera(head())
    assert_close(rotation, torch.diag(angle([1.0, -1.0, -1.0])))


def test_positive_yaw_moves_the_nose_to_image_left():
    assert_close((head_to_camera(head(yaw=0.3)) @ NOSE)[RIGHT], angle(-math.sin(0.3)))


def test_positive_pitch_moves_the_nose_up():
    assert_close((head_to_camera(head(pitch=0.3)) @ NOSE)[DOWN], angle(-math.sin(0.3)))


def test_positive_roll_tilts_the_top_to_image_right():
    assert_close((head_to_camera(head(roll=0.3)) @ TOP)[RIGHT], angle(math.sin(0.3)))


def test_angles_come_back(rng):
    yaw, pitch, roll = (torch.rand(3, 20, generator=rng, dtype=torch.float64) - 0.5) * angle(
        [[3.0], [5.0], [6.0]]
    )
    found = head_angles_from_matrix(head_matrix_from_angles(yaw, pitch, roll))
    assert_close(found, (yaw, pitch, roll))


@pytest.mark.parametrize("yaw", [math.pi / 2, -math.pi / 2])
def test_a_profile_of_a_right_angle_is_finite_and_reproduces_the_matrix(yaw):
    matrix = head(yaw=yaw, pitch=0.2, roll=0.1)
    found = head_angles_from_matrix(matrix)
    assert float(found[0]) == pytest.approx(yaw, abs=1e-3)
    assert_close(head_matrix_from_angles(*found), matrix, rtol=0, atol=2e-3)


def test_head_and_camera_frames_are_inverse(rotations):
    assert_close(camera_to_head(head_to_camera(rotations)), rotations)


def test_six_numbers_come_back(rotations):
    assert_close(matrix_from_6d(matrix_to_6d(rotations)), rotations)


def test_any_six_numbers_make_a_rotation(rng):
    matrix = matrix_from_6d(torch.randn(3, 5, 6, generator=rng, dtype=torch.float64))
    assert_close(matrix @ matrix.mT, torch.eye(3, dtype=torch.float64).expand(3, 5, 3, 3))
    assert_close(torch.linalg.det(matrix), torch.ones(3, 5, dtype=torch.float64))


@pytest.mark.parametrize("values", [[0.0] * 6, [1.0, 0, 0, 2, 0, 0], [0.0, 0, 0, 0, 1, 0]])
def test_degenerate_six_numbers_are_finite(values):
    values = torch.tensor(values, requires_grad=True)
    matrix = matrix_from_6d(values)
    matrix.sum().backward()
    assert matrix.isfinite().all()
    assert values.grad.isfinite().all()


def test_a_quarter_turn_about_x_by_hand():
    matrix = matrix_from_axis_angle(angle([math.pi / 2, 0, 0]))
    assert_close(matrix @ TOP, NOSE)


def test_axis_angle_agrees_with_the_matrix_exponential(rng):
    for length in (1e-9, 1e-5, 1e-3, 1.0, math.pi):
        vector = torch.nn.functional.normalize(torch.randn(4, 3, generator=rng, dtype=torch.float64), dim=-1)
        expected = torch.linalg.matrix_exp(cross_matrix(length * vector))
        assert_close(matrix_from_axis_angle(length * vector), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("scale", [0.0, 1e-6, 1e-2, 1.0])
def test_gradients_of_axis_angle(scale):
    vector = (scale * angle([0.3, -0.5, 0.8])).requires_grad_()
    assert torch.autograd.gradcheck(matrix_from_axis_angle, (vector,))


def test_gradients_of_six_numbers(rng):
    values = torch.randn(2, 6, generator=rng, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(matrix_from_6d, (values,))


def test_gradients_of_head_angles():
    matrix = head(0.4, -0.3, 0.2).requires_grad_()
    assert torch.autograd.gradcheck(head_angles_from_matrix, (matrix,))


@pytest.mark.parametrize("turn", [0.0, 1e-6, 0.5, 3.0, math.pi])
def test_angle_between_turned_rotations(rotations, turn):
    axis = torch.nn.functional.normalize(angle([1.0, -2.0, 0.5]), dim=0)
    turned = rotations @ matrix_from_axis_angle(turn * axis)
    assert_close(angle_between(rotations, turned), angle(turn).expand(7), rtol=0, atol=1e-7)
    assert_close(angle_between(turned, rotations), angle(turn).expand(7), rtol=0, atol=1e-7)


def test_the_angle_between_equal_rotations_has_a_finite_gradient(rotations):
    first = rotations.clone().requires_grad_()
    angle_between(first, rotations).sum().backward()
    assert first.grad.isfinite().all()


def test_degrees():
    assert_close(degrees(angle([math.pi, -math.pi / 4])), angle([180.0, -45.0]))


def test_cross_matrix_multiplies_as_the_cross_product(rng):
    first, second = torch.randn(2, 5, 3, generator=rng, dtype=torch.float64)
    product = (cross_matrix(first) @ second[..., None])[..., 0]
    assert_close(product, torch.linalg.cross(first, second))


def test_the_smallest_turn_takes_one_direction_to_another(rng):
    first, second = torch.nn.functional.normalize(
        torch.randn(2, 5, 3, dtype=torch.float64, generator=rng), dim=-1
    )
    turn = turn_between(first, second)
    assert_close((turn @ first[..., None])[..., 0], second)
    assert_close(turn @ turn.mT, torch.eye(3, dtype=torch.float64).expand(5, 3, 3))
    angle = torch.acos((first * second).sum(dim=-1))
    assert_close(angle_between(turn, torch.eye(3, dtype=torch.float64).expand(5, 3, 3)), angle)
    assert_close(turn_between(first, first), torch.eye(3, dtype=torch.float64).expand(5, 3, 3))
