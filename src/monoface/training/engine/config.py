"""How long and how fast a run trains."""

import math
from dataclasses import dataclass
from typing import Literal

import torch

from monoface.core.errors import ConfigError


@dataclass(frozen=True)
class TrainConfig:
    """How long and how fast to train.

    Attributes:
        steps: Optimiser steps in all, unless `minutes` is given.
        minutes: Train by the clock instead: so long in all, over all parts of an interrupted run; 0 trains
            by steps. Only a run by steps is repeatable bit for bit.
        batch: Samples a step, over all processes.
        learning_rate: Of AdamW at its highest.
        weight_decay: Of AdamW.
        warmup: Steps over which the learning rate rises.
        decay_from: Share of the steps or minutes after which the learning rate falls to a hundredth,
            along a cosine; 1 keeps it.
        average: Decay of the averaged weights, which are what is evaluated and kept.
        seed: Of weights, batches and augmentation.
        precision: `bf16-mixed`, `32-true`, or `auto`: the former where the hardware has it. A processor
            without it computes it, too, but several times slower.
        device: `cpu` or `cuda`.
        devices: Processes on each machine, started by `torchrun`.
        num_nodes: Machines.
        checkpoint_seconds: Time between checkpoints.
        evaluate_every: Steps between evaluations.
        log_every: Steps between lines in the log.
        samples_every: Steps between pictures of samples; 0 draws none.
        tensorboard: Whether to write TensorBoard's files beside `log.jsonl`.
    """

    steps: int = 12000
    minutes: float = 0.0
    batch: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    warmup: int = 300
    decay_from: float = 0.5
    average: float = 0.999
    seed: int = 0
    precision: Literal["auto", "bf16-mixed", "32-true"] = "auto"
    device: Literal["cpu", "cuda"] = "cpu"
    devices: int = 1
    num_nodes: int = 1
    checkpoint_seconds: float = 180.0
    evaluate_every: int = 500
    log_every: int = 50
    samples_every: int = 1000
    tensorboard: bool = True

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 2 or not 0 <= self.decay_from <= 1:
            raise ConfigError(
                "training: expected at least one step, two samples a batch and decay_from in 0..1, "
                f"got {self.steps}, {self.batch} and {self.decay_from}."
            )
        if self.minutes < 0 or self.samples_every < 0 or min(self.devices, self.num_nodes) < 1:
            raise ConfigError(
                "training: expected minutes and samples_every of at least 0, at least one device and node, "
                f"got {self.minutes}, {self.samples_every}, {self.devices} and {self.num_nodes}."
            )

    @property
    def chosen_precision(self) -> Literal["bf16-mixed", "32-true"]:
        """The precision that `auto` stands for here."""
        if self.precision != "auto":
            return self.precision
        # PyTorch says it nowhere else.
        on_cpu = torch.cpu._is_avx512_bf16_supported
        supported = torch.cuda.is_bf16_supported() if self.device == "cuda" else on_cpu()
        return "bf16-mixed" if supported else "32-true"

    def rate_at(self, step: int, elapsed_s: float = 0.0) -> float:
        """Learning rate of a step, as a factor of the highest; in runs by the clock, elapsed time counts."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        done, total = (elapsed_s, 60 * self.minutes) if self.minutes else (step, self.steps)
        start = self.decay_from * total
        if done <= start:
            return 1.0
        share = min(1.0, (done - start) / max(1.0, total - start))
        return 0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2

    def is_over(self, step: int, elapsed_s: float) -> bool:
        """Whether so many steps, or in a run by the clock so much time, are all."""
        return elapsed_s >= 60 * self.minutes if self.minutes else step >= self.steps
