"""Priors on light and albedo."""

import torch
from torch.testing import assert_close

from monoface.losses.priors import flatness_prior, lateral_light_prior, symmetry_prior, white_light_prior
from monoface.shading import sh_basis

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


def test_symmetric_albedo_has_no_penalty(rng):
    mirror = torch.tensor([1, 0, 2, 4, 3])
    values = torch.rand(2, 5, 3, generator=rng)
    assert_close(symmetry_prior((values + values[:, mirror]) / 2, mirror), torch.zeros(2))
    one_side = torch.zeros(1, 5, 1)
    one_side[0, 0] = 0.5
    assert_close(symmetry_prior(one_side, mirror), torch.tensor([2 * 0.25 / 5]))


def test_flatness_is_the_variance(rng):
    albedo = torch.rand(2, 6, 3, generator=rng, dtype=DOUBLE)
    even = flatness_prior(albedo, torch.ones(6))
    assert_close(even, albedo.var(dim=1, correction=0).mean(dim=-1))
    weighted = flatness_prior(albedo, torch.tensor([2.0, 1.0, 1.0, 0.0, 0.0, 0.0]))
    assert_close(weighted, albedo[:, [0, 0, 1, 2]].var(dim=1, correction=0).mean(dim=-1))


def test_light_from_the_side_counts():
    directions = torch.tensor([[0.0, -0.6, -0.8], [0.6, 0.0, -0.8], [-0.6, 0.0, -0.8]])
    lamps = sh_basis(directions)[..., None].expand(-1, -1, 3)
    ahead, right, left = lateral_light_prior(lamps)
    assert_close(ahead, torch.tensor(0.0))
    assert_close(right, left)
    assert right > 0.1
    assert_close(lateral_light_prior(lamps[1:2] + lamps[2:]), torch.zeros(1), atol=1e-12, rtol=0)


def test_gradients(rng):
    albedo = torch.rand(2, 5, 3, generator=rng, dtype=DOUBLE, requires_grad=True)
    weights = torch.rand(5, generator=rng, dtype=DOUBLE)
    assert torch.autograd.gradcheck(lambda one: flatness_prior(one, weights), (albedo,))
    mirror = torch.tensor([1, 0, 2, 4, 3])
    assert torch.autograd.gradcheck(lambda one: symmetry_prior(one, mirror), (albedo,))


def test_gradients_of_the_light(rng):
    """The denominators have none, so the numerators are checked, with the size held fixed."""
    light = torch.randn(2, 9, 3, generator=rng, dtype=DOUBLE, requires_grad=True)
    grey_size = 3 * light.detach().mean(dim=-1).square().sum(dim=-1)
    size = light.detach().square().sum(dim=(1, 2))
    for prior, scale in ((white_light_prior, grey_size), (lateral_light_prior, size)):
        (found,) = torch.autograd.grad(prior(light).sum(), light)
        step = 1e-6 * torch.randn(2, 9, 3, generator=rng, dtype=DOUBLE)

        def unscaled(change, prior=prior):
            moved = light.detach() + change
            sizes = {
                white_light_prior: 3 * moved.mean(dim=-1).square().sum(dim=-1),
                lateral_light_prior: moved.square().sum(dim=(1, 2)),
            }
            return prior(moved) * sizes[prior]

        change = (unscaled(step) - unscaled(-step)) / (2 * scale)
        assert_close((found * step).sum(dim=(1, 2)), change, rtol=1e-4, atol=1e-12)
