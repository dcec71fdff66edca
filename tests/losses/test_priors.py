"""The prior on light."""

import torch
from torch.testing import assert_close

from monoface.losses.priors import white_light_prior

DOUBLE = torch.float64


def test_white_light_has_no_penalty(rng):
    white = torch.randn(2, 9, 1, generator=rng).expand(-1, -1, 3)
    assert_close(white_light_prior(white), torch.zeros(2), atol=1e-12, rtol=0)


def test_tinted_light_by_hand():
    light = torch.zeros(1, 9, 3)
    light[0, 0] = torch.tensor([3.0, 2.0, 1.0])
    assert_close(white_light_prior(light), torch.tensor([2.0 / 12.0]))


def test_the_tint_counts_and_not_the_brightness(rng):
    light = torch.randn(2, 9, 3, generator=rng, dtype=DOUBLE)
    assert_close(white_light_prior(4 * light), white_light_prior(light))
    light.requires_grad_()
    white_light_prior(light).sum().backward()
    # It pulls neither brighter nor darker.
    assert_close(light.grad.sum(dim=-1), torch.zeros(2, 9, dtype=DOUBLE), atol=1e-12, rtol=0)


def test_no_light_has_no_penalty():
    assert not white_light_prior(torch.zeros(1, 9, 3)).any()


def test_gradients_of_the_light(rng):
    """The denominator has none, so the numerator is checked, with the size held fixed."""
    light = torch.randn(2, 9, 3, generator=rng, dtype=DOUBLE, requires_grad=True)

    def size_of(light):
        return 3 * light.mean(dim=-1).square().sum(dim=-1)

    def unscaled(change):
        moved = light.detach() + change
        return white_light_prior(moved) * size_of(moved)

    (found,) = torch.autograd.grad(white_light_prior(light).sum(), light)
    step = 1e-6 * torch.randn(2, 9, 3, generator=rng, dtype=DOUBLE)
    change = (unscaled(step) - unscaled(-step)) / (2 * size_of(light.detach()))
    assert_close((found * step).sum(dim=(1, 2)), change, rtol=1e-4, atol=1e-12)
