"""The softmax in which the right person must win by a margin."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.losses.margin_softmax import MarginConfig, add_angle, margin_softmax

PERSON = torch.tensor([0, 2, 1])


@pytest.fixture
def cosines(rng):
    return 1.8 * torch.rand(3, 4, generator=rng, dtype=torch.float64) - 0.9


def test_a_cosine_margin_by_hand():
    config = MarginConfig(scale=2.0, cosine=0.5)
    # Logits 2 (0.5 - 0.5) = 0 and 2 * 0 = 0: either person is as likely.
    loss = margin_softmax(torch.tensor([[0.5, 0.0]]), torch.tensor([0]), config)
    assert_close(loss, torch.tensor([math.log(2)]))


def test_an_angular_margin_by_hand():
    # From 60 to 90 degrees.
    turned = add_angle(torch.tensor([0.5], dtype=torch.float64), math.pi / 6)
    assert_close(turned, torch.zeros(1, dtype=torch.float64), atol=1e-12, rtol=0)


def test_without_margins_it_is_the_scaled_softmax(cosines):
    config = MarginConfig(scale=5.0, cosine=0.0)
    expected = cross_entropy(5 * cosines.float(), PERSON, reduction="none")
    assert_close(margin_softmax(cosines, PERSON, config), expected)


@pytest.mark.parametrize("margins", [{"cosine": 0.3}, {"cosine": 0.0, "angle_rad": 0.4}])
def test_margins_make_it_harder_and_touch_no_input(cosines, margins):
    before = cosines.clone()
    easy = margin_softmax(cosines, PERSON, MarginConfig(cosine=0.0))
    assert (margin_softmax(cosines, PERSON, MarginConfig(**margins)) > easy).all()
    assert_close(cosines, before)


def test_other_samples_do_not_matter(cosines):
    config = MarginConfig(angle_rad=0.3)
    together = margin_softmax(cosines, PERSON, config)
    alone = [margin_softmax(cosines[row : row + 1], PERSON[row : row + 1], config) for row in range(3)]
    assert_close(together, torch.cat(alone))


def test_a_larger_angle_is_never_nearer():
    cosine = torch.linspace(-1, 1, 401, dtype=torch.float64)
    turned = add_angle(cosine, 0.5)
    assert (turned.diff() > 0).all()
    # No jump where the sum of the angles passes pi.
    assert turned.diff().max() < 0.06


@pytest.mark.parametrize("cosine", [-1.0, 1.0])
def test_gradients_are_finite_at_the_poles(cosine):
    x = torch.tensor([cosine], dtype=torch.float64, requires_grad=True)
    add_angle(x, 0.5).sum().backward()
    assert x.grad.isfinite().all()


def test_gradients(cosines):
    near_the_bend = -math.cos(0.5) + 0.01
    cosine = torch.tensor([0.99, 0.2, near_the_bend, -0.95], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: add_angle(x, 0.5), (cosine,))


@pytest.mark.parametrize("wrong", [{"scale": 0.0}, {"cosine": -0.1}, {"angle_rad": 3.2}, {"smoothing": 1.0}])
def test_impossible_margins_are_refused(wrong):
    with pytest.raises(ConfigError, match="margin softmax: expected"):
        MarginConfig(**wrong)
