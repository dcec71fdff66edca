"""The training loop: one for all methods, on Lightning Fabric."""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch import nn

from monoface.core.errors import CheckpointError, ConfigError
from monoface.data.batches import BatchMaker, stream_batches
from monoface.methods.contract import Method
from monoface.training.averaging import AveragedNetwork
from monoface.training.checkpoints import load_newest_checkpoint, save_checkpoint

Evaluate = Callable[[Mapping[str, nn.Module]], dict[str, float]]


@dataclass(frozen=True)
class TrainConfig:
    """How long and how fast to train.

    Attributes:
        steps: Optimiser steps in all.
        batch: Samples a step.
        learning_rate: Of AdamW at its highest.
        weight_decay: Of AdamW.
        warmup: Steps over which the learning rate rises.
        decay_from: Share of the steps after which the learning rate falls to a hundredth, along a
            cosine; 1 keeps it.
        average: Decay of the averaged weights, which are what is evaluated and kept.
        seed: Of weights, batches and augmentation.
        precision: `bf16-mixed`, or `32-true`.
        device: `cpu` or `cuda`.
        checkpoint_seconds: Time between checkpoints.
        evaluate_every: Steps between evaluations.
        log_every: Steps between lines in the log.
    """

    steps: int = 12000
    batch: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    warmup: int = 300
    decay_from: float = 0.5
    average: float = 0.999
    seed: int = 0
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed"
    device: Literal["cpu", "cuda"] = "cpu"
    checkpoint_seconds: float = 180.0
    evaluate_every: int = 500
    log_every: int = 50

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 2 or not 0 <= self.decay_from <= 1:
            raise ConfigError(
                "training: expected at least one step, two samples a batch and decay_from in 0..1, "
                f"got {self.steps}, {self.batch} and {self.decay_from}."
            )

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, as a factor of the highest."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        start = self.decay_from * self.steps
        if step <= start:
            return 1.0
        share = min(1.0, (step - start) / max(1.0, self.steps - start))
        return 0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2


def train(
    method: Method,
    maker: BatchMaker,
    config: TrainConfig,
    folder: Path,
    evaluate: Evaluate | None = None,
) -> Mapping[str, nn.Module]:
    """Train a method, or continue where its folder's newest checkpoint ends.

    With equal arguments on one device, a run that was interrupted and continued ends in the same state
    as one that was not: batches depend on seed and step only.

    Args:
        method: What to train.
        maker: Where batches come from.
        config: How long and how fast.
        folder: Gets `log.jsonl` and `checkpoints/`.
        evaluate: Measures the averaged networks from time to time.

    Returns:
        The averaged networks, by name.

    Raises:
        CheckpointError: If the folder's checkpoints are all damaged, or are of other networks.
    """
    fabric = Fabric(accelerator=config.device, devices=1, precision=config.precision)
    run = _Run(method, config, fabric)
    state = load_newest_checkpoint(folder / "checkpoints")
    if state is not None:
        run.restore(state)
    log = _Log(folder / "log.jsonl", run.step)
    saved = time.monotonic()
    for batch in stream_batches(maker, config.seed, run.step, config.steps, config.batch):
        terms = run.advance(method, batch.to(fabric.device))
        if run.step % config.log_every == 0:
            log.write(run.step, "train", terms, config.batch * config.log_every)
        if evaluate and (run.step % config.evaluate_every == 0 or run.step == config.steps):
            log.write(run.step, "validation", evaluate(run.averaged), 0)
        if time.monotonic() - saved > config.checkpoint_seconds or run.step == config.steps:
            save_checkpoint(folder / "checkpoints", run.step, run.state())
            saved = time.monotonic()
    return run.averaged


class _Run:
    """Networks, optimisers and averages of a run, and the step they are at."""

    def __init__(self, method: Method, config: TrainConfig, fabric: Fabric) -> None:
        self.config = config
        self.fabric = fabric
        self.step = 0
        self.networks = dict(method.networks)
        self.optimisers = {}
        for name, network in self.networks.items():
            nn.utils.convert_conv2d_weight_memory_format(network.to(fabric.device), torch.channels_last)
            groups = _parameter_groups(network, config.weight_decay)
            self.optimisers[name] = torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
        self._averages = {name: AveragedNetwork(net, config.average) for name, net in self.networks.items()}

    @property
    def averaged(self) -> dict[str, nn.Module]:
        return {name: average.network for name, average in self._averages.items()}

    def advance(self, method: Method, batch: Any) -> dict[str, float]:
        for network in self.networks.values():
            network.train()
        rate = self.config.learning_rate * self.config.rate_at(self.step)
        with self.fabric.autocast():
            result = method.step(batch)
        for name, total in result.total.items():
            optimiser = self.optimisers[name]
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.zero_grad(set_to_none=True)
            self.fabric.backward(total)
            nn.utils.clip_grad_norm_(self.networks[name].parameters(), 5.0)
            optimiser.step()
        self.step += 1
        for name, average in self._averages.items():
            average.follow(self.networks[name], self.step)
        return {
            "total": sum(float(total.detach()) for total in result.total.values()),
            "rate": rate,
            **result.terms,
        }

    def state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "networks": {name: net.state_dict() for name, net in self.networks.items()},
            "averaged": {name: net.state_dict() for name, net in self.averaged.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        try:
            for name, network in self.networks.items():
                network.load_state_dict(state["networks"][name])
                self.averaged[name].load_state_dict(state["averaged"][name])
                self.optimisers[name].load_state_dict(state["optimisers"][name])
            self.step = state["step"]
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"checkpoint: expected one of the same networks, got another ({error}). "
                "Continue with the configuration that it began with, or choose another folder."
            ) from error


class _Log:
    """JSON lines; those of a later step than the one continued from are dropped."""

    def __init__(self, path: Path, step: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        kept = [line for line in lines if _step_of(line) <= step]
        path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        self._path = path
        self._since = time.monotonic()

    def write(self, step: int, kind: str, values: dict[str, float], samples: int) -> None:
        record: dict[str, Any] = {"step": step, "kind": kind}
        if samples:
            now = time.monotonic()
            record["samples_per_second"] = round(samples / max(now - self._since, 1e-9), 1)
            self._since = now
        record |= {name: round(value, 6) for name, value in values.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def _step_of(line: str) -> float:
    """Step of a line of the log; infinity for a line that an interruption cut off."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights decay; biases and norms do not."""
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    return [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
