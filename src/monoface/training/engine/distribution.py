"""Several processes as one: how they are launched, and what they exchange.

`torchrun` starts the processes. Each draws its part of every batch; before an optimiser steps, gradients are
averaged over all, so that the networks stay equal everywhere.
"""

import os
from datetime import timedelta
from typing import Literal

import torch
import torch.distributed
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn

from monoface.core.errors import ConfigError

# The first process makes packs and evaluates while the others wait.
_PATIENCE = timedelta(hours=12)


def launch(
    device: Literal["cpu", "cuda"], devices: int, num_nodes: int, precision: Literal["bf16-mixed", "32-true"]
) -> Fabric:
    """Fabric of this process, connected with the others; calling it again gives an equal one.

    Raises:
        ConfigError: If `torchrun` did not start as many processes as are asked for.
    """
    expected = devices * num_nodes
    launched = torch.distributed.is_available() and torch.distributed.is_torchelastic_launched()
    started = int(os.environ["WORLD_SIZE"]) if launched else 1
    if started != expected:
        raise ConfigError(
            f"devices and num_nodes: expected {expected} processes, got {started}. Start them with "
            f"torchrun --nproc-per-node {devices} -m monoface.cli.main train …"
        )
    if expected == 1:
        return Fabric(accelerator=device, devices=1, precision=precision)
    backend = "gloo" if device == "cpu" else "nccl"
    strategy = DDPStrategy(process_group_backend=backend, timeout=_PATIENCE)
    fabric = Fabric(
        accelerator=device, devices=devices, num_nodes=num_nodes, strategy=strategy, precision=precision
    )
    fabric.launch()
    return fabric


def part_of_batch(batch: int, rank: int, processes: int) -> slice:
    """Rows of every batch that one of several processes computes.

    Raises:
        ConfigError: If a batch cannot be divided into equal parts.
    """
    if batch % processes:
        raise ConfigError(
            f"batch: expected a multiple of the {processes} processes, got {batch}. "
            "It counts the samples of all processes together."
        )
    size = batch // processes
    return slice(rank * size, (rank + 1) * size)


def share_state(network: nn.Module) -> None:
    """Give the parameters and buffers of the first process to all."""
    for value in network.state_dict().values():
        # Collectives want plain memory; weights may have their channels last.
        plain = value.detach().contiguous()
        torch.distributed.broadcast(plain, 0)
        value.copy_(plain)


@torch.no_grad()
def average_gradients(network: nn.Module) -> None:
    """Replace the gradients of a network by their means over all processes, in one exchange.

    The same parameters must have taken part in every process.
    """
    gradients = [one.grad for one in network.parameters() if one.grad is not None]
    if not gradients:
        return
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    for gradient, mean in zip(gradients, flat.split([one.numel() for one in gradients]), strict=True):
        gradient.copy_(mean.view(gradient.shape))


def mean_over_processes(values: dict[str, float], fabric: Fabric) -> dict[str, float]:
    """Means of named values, which every process has."""
    if fabric.world_size == 1:
        return values
    together = torch.tensor(list(values.values()), dtype=torch.float64, device=fabric.device)
    torch.distributed.all_reduce(together)
    return dict(zip(values, (together / fabric.world_size).tolist(), strict=True))


def of_first_process(value: float, fabric: Fabric) -> float:
    """What the first process says, in all of them."""
    if fabric.world_size == 1:
        return value
    told = torch.tensor(value, dtype=torch.float64, device=fabric.device)
    torch.distributed.broadcast(told, 0)
    return float(told)
