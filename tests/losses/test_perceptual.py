"""Distance of feature vectors."""

import torch
from torch.testing import assert_close

from monoface.losses.perceptual import cosine_distance

DOUBLE = torch.float64


def test_distance_by_hand():
    first = torch.tensor([[1.0, 0.0], [2.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    second = torch.tensor([[3.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [0.0, 5.0]])
    assert_close(cosine_distance(first, second), torch.tensor([0.0, 2.0, 1 - 0.5**0.5, 1.0]))


def test_length_does_not_matter(rng):
    first, second = torch.randn(2, 3, 8, generator=rng, dtype=DOUBLE)
    assert_close(cosine_distance(5 * first, 0.1 * second), cosine_distance(first, second))


def test_a_zero_vector_has_no_gradient():
    zero = torch.zeros(1, 4, requires_grad=True)
    distance = cosine_distance(zero, torch.ones(1, 4))
    distance.sum().backward()
    assert distance.tolist() == [1.0]
    assert not zero.grad.any()


def test_gradients(rng):
    first, second = (one.requires_grad_() for one in torch.randn(2, 3, 4, generator=rng, dtype=DOUBLE))
    assert torch.autograd.gradcheck(cosine_distance, (first, second))
