"""How surprising marks are."""

import math

import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from monoface.losses.point_likelihood import point_surprise


def test_a_value_by_hand():
    found, marked = torch.tensor([[[0.5, 0.5]]]), torch.tensor([[[0.53, 0.54]]])
    log_deviation = torch.tensor([[math.log(0.02)]])
    distance = math.sqrt(0.05**2 + 0.001**2) - 0.001
    expected = math.sqrt(3) * distance / 0.02 + 2 * math.log(0.02)
    assert_close(point_surprise(found, log_deviation, marked, torch.ones(1, 1)), torch.tensor([expected]))


def test_the_best_deviation_is_that_of_the_marks(rng):
    """Distances of a density that falls exponentially in the plane are of a gamma distribution of order 2."""
    sigma = 0.03
    length = sigma / math.sqrt(3)
    distance = length * -torch.rand(40_000, 2, generator=rng).log().sum(dim=-1)
    angle = 2 * math.pi * torch.rand(40_000, generator=rng)
    marks = torch.stack((distance * angle.cos(), distance * angle.sin()), dim=-1)
    assert_close(marks.std(dim=0), torch.full((2,), sigma), rtol=0.02, atol=0)
    scales = torch.linspace(0.8, 1.2, 41)
    values = [
        point_surprise(
            torch.zeros(1, 40_000, 2), torch.full((1, 40_000), math.log(sigma * float(scale))), marks[None],
            torch.ones(1, 40_000),
        )
        for scale in scales
    ]  # fmt: skip
    best = float(scales[int(torch.cat(values).argmin())])
    # A millimetre of smoothing in the middle makes it a little smaller.
    assert 0.92 < best < 1.02


def test_points_without_weight_do_not_count(rng):
    found, marked = torch.rand(2, 2, 3, 2, generator=rng)
    log_deviation = torch.full((2, 3), -3.0, requires_grad=True)
    weights = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    value = point_surprise(found, log_deviation, marked, weights)
    assert_close(
        value[0],
        point_surprise(found[:1, :2], log_deviation[:1, :2], marked[:1, :2], torch.ones(1, 2))[0],
    )
    assert value[1] == 0
    value.sum().backward()
    assert not log_deviation.grad[1].any()


def test_gradients(rng):
    found = torch.rand(2, 3, 2, generator=rng, dtype=torch.float64, requires_grad=True)
    log_deviation = torch.full((2, 3), -2.0, dtype=torch.float64, requires_grad=True)
    marked = torch.cat((found.detach()[:1], torch.rand(1, 3, 2, generator=rng, dtype=torch.float64)))
    weights = torch.rand(2, 3, generator=rng, dtype=torch.float64)
    assert gradcheck(lambda a, b: point_surprise(a, b, marked, weights), (found, log_deviation))
