"""Averaged weights, by hand."""

import pytest
import torch
from torch import nn

from monoface.training.engine.averaging import averaged_network, set_steps


@pytest.fixture
def network():
    linear = nn.Linear(1, 1, bias=False)
    nn.init.constant_(linear.weight, 0.0)
    return linear


def test_early_steps_forget_faster(network):
    average = averaged_network(network, 0.999)
    nn.init.constant_(network.weight, 11.0)
    average.update_parameters(network)
    # The decay of step 1 is 2 / 11.
    assert average.module.weight.item() == pytest.approx(9.0)
    nn.init.constant_(network.weight, 0.0)
    average.update_parameters(network)
    # That of step 2 is 3 / 12.
    assert average.module.weight.item() == pytest.approx(9.0 / 4)


def test_late_steps_keep_the_given_share(network):
    average = averaged_network(network, 0.75, step=1000)
    nn.init.constant_(network.weight, 8.0)
    average.update_parameters(network)
    assert average.module.weight.item() == pytest.approx(2.0)


def test_a_resumed_average_goes_on_from_its_step(network):
    whole, broken = averaged_network(network, 0.9), averaged_network(network, 0.9)
    for step in range(1, 5):
        nn.init.constant_(network.weight, float(step))
        whole.update_parameters(network)
        if step == 3:
            state = broken.module.state_dict()
            broken = averaged_network(network, 0.9)
            broken.module.load_state_dict(state)
            set_steps(broken, 2)
        broken.update_parameters(network)
    assert torch.equal(whole.module.weight, broken.module.weight)


def test_buffers_follow_too_but_not_counters():
    norm = nn.BatchNorm1d(1)
    average = averaged_network(norm, 0.5, step=1000)
    norm(torch.tensor([[10.0], [20.0]]))
    average.update_parameters(norm)
    assert average.module.running_mean.item() == pytest.approx(norm.running_mean.item() / 2)
    assert average.module.num_batches_tracked.item() == 0


def test_the_original_is_left_alone(network):
    average = averaged_network(network, 0.5, step=4)
    average.update_parameters(network)
    assert network.weight.requires_grad
    assert network.training
    assert not average.module.training
