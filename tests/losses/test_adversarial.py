"""The game of critic and regressor."""

import math

import pytest
import torch
from torch.testing import assert_close

from monoface.losses.adversarial import critic_loss, deception_loss

LOGITS = torch.tensor([-3.0, 0.0, 2.0])


def test_the_critic_minimises_the_negative_log_likelihood():
    likelihood = torch.sigmoid(LOGITS)
    assert_close(critic_loss(LOGITS, torch.ones(3)), -likelihood.log())
    assert_close(critic_loss(LOGITS, torch.zeros(3)), -(1 - likelihood).log())


def test_deception_as_published_and_without_saturation():
    likelihood = torch.sigmoid(LOGITS)
    assert_close(deception_loss(LOGITS, "minimax"), (1 - likelihood).log())
    assert_close(deception_loss(LOGITS, "non_saturating"), -likelihood.log())


@pytest.mark.parametrize("game", ["minimax", "non_saturating"])
def test_to_deceive_is_to_be_believed(game):
    logits = LOGITS.clone().requires_grad_()
    deception_loss(logits, game).sum().backward()
    assert (logits.grad < 0).all()


def test_an_undecided_critic_loses_log_two():
    assert float(critic_loss(torch.zeros(1), torch.ones(1))) == pytest.approx(math.log(2))


def test_sure_critics_give_finite_losses():
    sure = torch.tensor([-300.0, 300.0])
    for loss in (critic_loss(sure, torch.ones(2)), deception_loss(sure, "minimax")):
        assert loss.isfinite().all()


def test_gradients(rng):
    logits = torch.randn(4, generator=rng, dtype=torch.float64, requires_grad=True)
    true = torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(critic_loss, (logits, true))
    assert torch.autograd.gradcheck(lambda x: deception_loss(x, "minimax"), (logits,))
