"""Losses on coefficients."""

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.rotations import matrix_from_axis_angle
from monoface.losses.coefficients import (
    expression_prior,
    gaussian_prior,
    mean_robust,
    mean_squared,
    range_excess,
    rotation_distance,
)

VALUES = torch.tensor([[1.0, -2.0], [0.5, 0.0]])


def test_mean_squared_by_hand():
    assert_close(mean_squared(VALUES, torch.ones(2, 2)), torch.tensor([4.5, 0.625]))


def test_mean_robust_is_squared_at_first_and_linear_at_last():
    target = torch.zeros(1, 2)
    by_hand = mean_robust(torch.tensor([[0.3, 0.0]]), target, 0.4)
    assert_close(by_hand, torch.tensor([0.8 * (0.5 - 0.4) / 2]))
    small = torch.tensor([[0.01, -0.02]])
    assert_close(mean_robust(small, target, 0.5), mean_squared(small, target), rtol=1e-3, atol=0)
    far, further = (mean_robust(torch.full((1, 2), value), target, 0.1) for value in (5.0, 6.0))
    assert_close(further - far, torch.tensor([0.2]), rtol=1e-3, atol=0)


def test_gaussian_prior_by_hand():
    assert_close(gaussian_prior(VALUES), torch.tensor([2.5, 0.125]))


def test_range_excess_by_hand():
    assert_close(range_excess(VALUES, 0.0, 0.75), torch.tensor([(0.0625 + 4) / 2, 0.0]))


def test_each_sample_is_on_its_own(rng):
    values = torch.randn(5, 3, generator=rng)
    assert_close(gaussian_prior(values)[2:4], gaussian_prior(values[2:4]))


@pytest.mark.parametrize("turn", [1e-3, 0.01, 0.1])
def test_rotation_distance_is_about_the_angle(rng, turn):
    rotation = matrix_from_axis_angle(torch.randn(4, 3, generator=rng, dtype=torch.float64))
    step = matrix_from_axis_angle(torch.tensor([0.0, turn, 0.0], dtype=torch.float64))
    expected = torch.full((4,), turn, dtype=torch.float64)
    assert_close(rotation_distance(rotation @ step, rotation), expected, rtol=2e-3, atol=0)


def test_half_a_turn_is_two():
    half = matrix_from_axis_angle(torch.tensor([[torch.pi, 0.0, 0.0]]))
    assert_close(rotation_distance(half, torch.eye(3)[None]), torch.tensor([2.0]))


def test_equal_rotations_give_zero_with_zero_gradient():
    rotation = torch.eye(3).repeat(2, 1, 1).requires_grad_()
    loss = rotation_distance(rotation, torch.eye(3).repeat(2, 1, 1))
    loss.sum().backward()
    assert not loss.any()
    assert not rotation.grad.any()


def test_gradients(rng):
    values = torch.randn(2, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    rotation = torch.randn(2, 3, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    other = torch.eye(3, dtype=torch.float64).repeat(2, 1, 1)
    assert torch.autograd.gradcheck(gaussian_prior, (values,))
    assert torch.autograd.gradcheck(mean_squared, (values, values.detach() + 1))
    assert torch.autograd.gradcheck(lambda v: range_excess(v, -0.5, 0.5), (values,))
    assert torch.autograd.gradcheck(rotation_distance, (rotation, other))


def test_expressions_of_a_gaussian_space_are_drawn_to_zero_from_both_sides():
    expression = torch.tensor([[-2.0, 1.0], [0.5, 0.0]], requires_grad=True)
    prior = expression_prior(expression, bounded=False)
    assert_close(prior, torch.tensor([2.5, 0.125]))
    prior.sum().backward()
    assert_close(expression.grad, expression.detach())


def test_blendshapes_are_drawn_to_zero_by_their_mean():
    assert_close(expression_prior(torch.tensor([[0.5, 0.1]]), bounded=True), torch.tensor([0.3]))
