"""Exponential moving average of a network's weights."""

import copy

import torch
from torch import nn


class AveragedNetwork:
    """A copy of a network whose floating-point state follows the original slowly.

    Early on the average forgets faster: at step n the decay is at most (1 + n) / (10 + n).

    Args:
        network: The original.
        decay: Share of the average that a step keeps, once many steps are done.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def follow(self, network: nn.Module, step: int) -> None:
        """Take one step towards the original."""
        decay = min(self.decay, (1 + step) / (10 + step))
        own = self.network.state_dict()
        floating = {name: value for name, value in network.state_dict().items() if value.is_floating_point()}
        torch._foreach_lerp_([own[name] for name in floating], list(floating.values()), 1 - decay)
