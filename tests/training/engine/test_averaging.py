"""Averaged weights, by hand."""

import pytest
import torch
from torch import nn

from monoface.training.engine.averaging import AveragedNetwork


@pytest.fixture
def network():
    linear = nn.Linear(1, 1, bias=False)
    nn.init.constant_(linear.weight, 0.0)
    return linear


def test_early_steps_forget_faster(network):
    average = AveragedNetwork(network, 0.999)
    nn.init.constant_(network.weight, 11.0)
    average.follow(network, 1)
    # The decay of step 1 is 2 / 11.
    assert average.network.weight.item() == pytest.approx(9.0)


def test_late_steps_keep_the_given_share(network):
    average = AveragedNetwork(network, 0.75)
    nn.init.constant_(network.weight, 8.0)
    average.follow(network, 1000)
    assert average.network.weight.item() == pytest.approx(2.0)


def test_buffers_follow_too_but_not_counters():
    norm = nn.BatchNorm1d(1)
    average = AveragedNetwork(norm, 0.5)
    norm(torch.tensor([[10.0], [20.0]]))
    average.follow(norm, 1000)
    assert average.network.running_mean.item() == pytest.approx(norm.running_mean.item() / 2)
    assert average.network.num_batches_tracked.item() == 0


def test_the_original_is_left_alone(network):
    average = AveragedNetwork(network, 0.5)
    average.follow(network, 5)
    assert network.weight.requires_grad
    assert network.training
    assert not average.network.training
