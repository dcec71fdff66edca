"""The training loop: one for all methods, on Lightning Fabric, in one process or several."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from monoface.core.errors import CheckpointError, DivergedError
from monoface.data.batches.photo_batch import BatchMaker, BatchSource, stream_batches
from monoface.methods.contract import Method
from monoface.training.engine.averaging import averaged_network, set_steps
from monoface.training.engine.checkpoints import load_newest_checkpoint, save_checkpoint
from monoface.training.engine.config import TrainConfig
from monoface.training.engine.distribution import (
    average_gradients,
    launch,
    mean_over_processes,
    of_first_process,
    part_of_batch,
    share_state,
)
from monoface.training.engine.logs import RunLog
from monoface.training.engine.norms import all_reduce_batch_norms
from monoface.training.engine.progress import TrainingProgress
from monoface.training.regressors.checks import check_training_data
from monoface.training.regressors.samples import RenderSamples

__all__ = ["Evaluate", "TrainConfig", "TrainedNetworks", "train"]

Evaluate = Callable[[Mapping[str, nn.Module]], dict[str, float]]


class TrainedNetworks(dict[str, nn.Module]):
    """The averaged networks of a run, by name.

    Attributes:
        steps: Steps that were made in all.
        elapsed_s: Time that they took, with evaluations, over all parts of the run.
    """

    def __init__(self, networks: Mapping[str, nn.Module], steps: int, elapsed_s: float) -> None:
        super().__init__(networks)
        self.steps = steps
        self.elapsed_s = elapsed_s


def train(
    method: Method,
    maker: BatchSource,
    config: TrainConfig,
    folder: Path,
    evaluate: Evaluate | None = None,
    samples: RenderSamples | None = None,
    *,
    needs_labels: bool = False,
) -> TrainedNetworks:
    """Train a method, or continue where its folder's newest checkpoint ends.

    With equal arguments on one device, a run by steps that was interrupted and continued ends in the same
    state as one that was not: batches depend on seed and step only. Several processes compute what one
    would, up to rounding, if the method's losses are means over samples; the first of them alone writes.

    Args:
        method: What to train.
        maker: Where batches come from. The packs of a `BatchMaker` are looked at first; others see to theirs.
        config: How long and how fast.
        folder: Gets `log.jsonl`, `tensorboard/`, `samples/` and `checkpoints/`.
        evaluate: Measures the averaged networks from time to time.
        samples: Draws what the averaged networks make of samples, from time to time.
        needs_labels: Whether the method cannot learn without samples whose coefficients are known.

    Returns:
        The averaged networks, by name.

    Raises:
        DataError: If the packs cannot be learned from; see `check_training_data`.
        CheckpointError: If the folder's checkpoints are all damaged, or are of other networks.
        ConfigError: If there are not as many processes as configured, or a batch cannot be divided by them.
        DivergedError: If losses are not finite.
    """
    fabric = launch(config.device, config.devices, config.num_nodes, config.chosen_precision)
    part = part_of_batch(config.batch, fabric.global_rank, fabric.world_size)
    if isinstance(maker, BatchMaker):
        check_training_data(maker, needs_labels=needs_labels)
    run = _Run(method, config, fabric)
    state = load_newest_checkpoint(folder / "checkpoints")
    if state is not None:
        run.restore(state)
    with _Records(run, folder, evaluate, samples) as records:
        if config.is_over(run.step, run.elapsed_s):
            return run.result()
        stop = None if config.minutes else config.steps
        for batch in stream_batches(maker, config.seed, run.step, stop, config.batch, part):
            terms = run.advance(method, batch.to(fabric.device))
            over = config.is_over(run.step, run.elapsed_s)
            records.take(terms, over)
            if over:
                break
    return run.result()


class _Run:
    """Networks, optimisers and averages of a run, and how far it is."""

    def __init__(self, method: Method, config: TrainConfig, fabric: Fabric) -> None:
        self.config = config
        self.fabric = fabric
        self.step = 0
        # All that its losses need, not the networks alone.
        method.to(fabric.device)
        self.networks = dict(method.networks)
        self.optimisers = {}
        for name, network in self.networks.items():
            nn.utils.convert_conv2d_weight_memory_format(network, torch.channels_last)
            groups = _parameter_groups(network, config.weight_decay)
            self.optimisers[name] = torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
        if fabric.world_size > 1:
            for network in self.networks.values():
                share_state(network)
        # Before the norms are exchanged: the averages never train.
        self._averages = {name: averaged_network(net, config.average) for name, net in self.networks.items()}
        if fabric.world_size > 1:
            for network in self.networks.values():
                all_reduce_batch_norms(network)
        self._began = time.monotonic()
        self.elapsed_s = 0.0

    @property
    def averaged(self) -> dict[str, nn.Module]:
        return {name: average.module for name, average in self._averages.items()}

    def result(self) -> TrainedNetworks:
        return TrainedNetworks(self.averaged, self.step, self.elapsed_s)

    def advance(self, method: Method, batch: Any) -> dict[str, float]:
        """Make a step; returns its losses in this process."""
        for network in self.networks.values():
            network.train()
        rate = self.config.learning_rate * self.config.rate_at(self.step, self.elapsed_s)
        with self.fabric.autocast():
            result = method.step(batch)
        terms = {"total": sum(float(total.detach()) for total in result.total.values()), **result.terms}
        self._refuse_divergence(terms)
        for name, total in result.total.items():
            self._minimise(name, total, rate)
        self.step += 1
        for name, average in self._averages.items():
            average.update_parameters(self.networks[name])
        elapsed_s = time.monotonic() - self._began
        # By the clock, all processes must agree on how late it is.
        self.elapsed_s = of_first_process(elapsed_s, self.fabric) if self.config.minutes else elapsed_s
        return {"total": terms.pop("total"), "rate": rate, **terms}

    def _minimise(self, name: str, total: torch.Tensor, rate: float) -> None:
        network, optimiser = self.networks[name], self.optimisers[name]
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        if self.fabric.world_size > 1:
            average_gradients(network)
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()

    def _refuse_divergence(self, terms: dict[str, float]) -> None:
        if not math.isfinite(terms["total"]):
            wrong = ", ".join(name for name, value in terms.items() if not math.isfinite(value))
            raise DivergedError(
                f"step {self.step}: expected finite losses, got other values in {wrong}. "
                "Continue from the last checkpoint with a lower learning rate."
            )

    def state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "elapsed_s": self.elapsed_s,
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
            for average in self._averages.values():
                set_steps(average, self.step)
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"checkpoint: expected one of the same networks, got another ({error}). "
                "Continue with the configuration that it began with, or choose another folder."
            ) from error
        # Checkpoints of the first version have no clock.
        self.elapsed_s = state.get("elapsed_s", 0.0)
        self._began = time.monotonic() - self.elapsed_s


class _Records(ExitStack):
    """What a run writes: log, evaluations, pictures and checkpoints; nothing but in the first process."""

    def __init__(
        self, run: _Run, folder: Path, evaluate: Evaluate | None, samples: RenderSamples | None
    ) -> None:
        super().__init__()
        self._run = run
        self._folder = folder
        self._evaluate = evaluate
        self._samples = samples
        self._saved = time.monotonic()
        self._progress = TrainingProgress(run.config)
        if run.step:
            self._progress.resumed(run.step, run.elapsed_s)
        self._log = None
        if run.fabric.global_rank == 0:
            self._log = self.enter_context(RunLog(folder, run.step, tensorboard=run.config.tensorboard))

    def take(self, terms: dict[str, float], over: bool) -> None:
        """Write what is due after a step; everything is if it was the last."""
        run, config = self._run, self._run.config
        self._progress.advanced(run.step, run.elapsed_s, terms["total"])
        due = run.step % config.log_every == 0
        if due:
            terms = mean_over_processes(terms, run.fabric)
        if self._log is None:
            return
        if due:
            self._log.write(run.step, "train", terms, config.batch * config.log_every)
        if self._evaluate and (over or run.step % config.evaluate_every == 0):
            measured = self._evaluate(run.averaged)
            self._log.write(run.step, "validation", measured)
            self._progress.validated(measured)
        if self._samples and config.samples_every and (over or run.step % config.samples_every == 0):
            self._log.picture(run.step, self._samples(run.averaged))
        if over or time.monotonic() - self._saved > config.checkpoint_seconds:
            save_checkpoint(self._folder / "checkpoints", run.step, run.state())
            self._saved = time.monotonic()


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights decay; biases and norms do not."""
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    return [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
