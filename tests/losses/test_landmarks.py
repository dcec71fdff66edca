"""The distance of landmarks."""

import pytest
import torch
from torch.testing import assert_close

from monoface.losses.landmarks import landmark_distance


def test_by_hand():
    projected = torch.tensor([[[0.0, 0.0], [3.0, 4.0]]])
    weights = torch.tensor([[1.0, 3.0]])
    expected = 3 * ((25 + 0.25) ** 0.5 - 0.5) / 4
    assert_close(landmark_distance(projected, torch.zeros(1, 2, 2), weights), torch.tensor([expected]))


def test_far_away_it_is_the_distance_and_close_by_a_square():
    far, near = torch.tensor([[[3e4, 4e4]]]), torch.tensor([[[0.03, 0.04]]])
    one = torch.ones(1, 1)
    assert landmark_distance(far, torch.zeros(1, 1, 2), one).item() == pytest.approx(5e4, rel=1e-4)
    assert landmark_distance(near, torch.zeros(1, 1, 2), one).item() == pytest.approx(0.05**2, rel=0.01)


def test_no_weight_gives_zero_with_zero_gradient(rng):
    projected = torch.randn(3, 5, 2, generator=rng, requires_grad=True)
    weights = torch.ones(3, 5)
    weights[1] = 0
    loss = landmark_distance(projected, torch.zeros(3, 5, 2), weights)
    loss.sum().backward()
    assert loss[1] == 0
    assert not projected.grad[1].any()
    assert projected.grad[0].any()


def test_weights_count_by_their_ratio(rng):
    projected, target = torch.randn(2, 3, 5, 2, generator=rng)
    weights = torch.rand(3, 5, generator=rng)
    assert_close(
        landmark_distance(projected, target, weights), landmark_distance(projected, target, 7 * weights)
    )


def test_gradients(rng):
    projected = torch.randn(2, 4, 2, generator=rng, dtype=torch.float64)
    target = projected.clone()
    target[:, 1:] += 1
    weights = torch.rand(2, 4, generator=rng, dtype=torch.float64)
    assert torch.autograd.gradcheck(landmark_distance, (projected.requires_grad_(), target, weights))
