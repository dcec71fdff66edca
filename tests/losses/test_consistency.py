"""Squared distances of points that should agree."""

import torch
from torch.testing import assert_close

from monoface.losses.consistency import landmark_consistency, vertex_distance

WEIGHTS = torch.tensor([1.0, 4.0])


def test_landmarks_by_hand():
    first = torch.tensor([[[0.0, 0.0], [3.0, 4.0]]])
    seen = torch.ones(1, 2, dtype=torch.bool)
    assert_close(landmark_consistency(first, torch.zeros(1, 2, 2), WEIGHTS, seen), torch.tensor([4 * 25 / 5]))


def test_what_is_not_seen_may_be_anything(rng):
    found = torch.randn(2, 2, 2, generator=rng).requires_grad_()
    known = torch.zeros(2, 2, 2)
    known[0, 0], known[1] = torch.nan, torch.nan
    loss = landmark_consistency(found, known, WEIGHTS, known.isfinite().all(dim=-1))
    assert_close(loss[0], found[0, 1].square().sum())
    assert loss[1] == 0
    loss.sum().backward()
    assert not found.grad[1].any()
    assert not found.grad[0, 0].any()
    assert found.grad.isfinite().all()


def test_vertices_by_hand():
    first = torch.tensor([[[0.0, 0.0, 0.0], [1.0, 2.0, 2.0]]])
    assert_close(vertex_distance(first, torch.zeros(1, 2, 3)), torch.tensor([4.5]))


def test_gradients(rng):
    first, second = torch.randn(2, 3, 2, 2, generator=rng, dtype=torch.float64)
    seen = torch.tensor([[True, True], [True, False], [False, False]])
    first.requires_grad_()
    assert torch.autograd.gradcheck(vertex_distance, (first, second))
    assert torch.autograd.gradcheck(
        lambda x: landmark_consistency(x, second, WEIGHTS.double(), seen), (first,)
    )
