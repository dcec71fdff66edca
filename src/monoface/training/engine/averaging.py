"""Exponential moving average of a network's weights."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

_Tensors = tuple[Tensor, ...] | list[Tensor]


def averaged_network(network: nn.Module, decay: float, step: int = 0) -> AveragedModel:
    """A copy of a network whose floating-point state follows the original slowly, buffers included.

    Early on the average forgets faster: at step n the decay is at most (1 + n) / (10 + n).

    Args:
        network: The original.
        decay: Share of the average that a step keeps, once many steps are done.
        step: How many are done.

    Returns:
        `update_parameters(network)` takes one step towards the original; `module` is the average.
    """

    def follow(averaged: _Tensors, current: _Tensors, steps: Tensor | int) -> None:
        if averaged[0].is_floating_point():
            kept = min(decay, (1 + int(steps)) / (10 + int(steps)))
            torch._foreach_lerp_(averaged, current, 1 - kept)

    average = AveragedModel(network, multi_avg_fn=follow, use_buffers=True)
    set_steps(average, step)
    return average.eval().requires_grad_(False)


def set_steps(average: AveragedModel, step: int) -> None:
    """Say how many steps are done: after the checkpoint of a step, say."""
    # The first average is the untrained network; `AveragedModel` would drop it at a count of zero.
    average.n_averaged.fill_(step + 1)
