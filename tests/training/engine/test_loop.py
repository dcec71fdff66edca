"""The training loop: its learning rate by hand, and that interrupted runs end as uninterrupted ones."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_packs import SETS, labelled_samples, landmark_samples, small_method, small_twodasl

from monoface.core.errors import CheckpointError, ConfigError, DivergedError
from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.photo_batch import BatchMaker
from monoface.training import TrainConfig, train
from monoface.training.engine import loop as loop_module
from monoface.training.engine.checkpoints import save_checkpoint

CONFIG = TrainConfig(
    steps=6, batch=4, warmup=2, average=0.9, precision="32-true", evaluate_every=3, log_every=2,
    checkpoint_seconds=1e9, tensorboard=False,
)  # fmt: skip


class InterruptedRunError(Exception):
    pass


@pytest.fixture(scope="module")
def maker():
    labelled = labelled_samples()
    packs = [labelled, landmark_samples(labelled)]
    shares = {"labelled": 0.7, "landmarks": 0.3}
    return BatchMaker(packs, shares, synthetic_head(), SETS, crop_px=32, augment=AugmentConfig())


@pytest.fixture
def checkpoint_every_step(monkeypatch):
    times = iter(range(0, 10**12, 10**10))
    monkeypatch.setattr(loop_module.time, "monotonic", lambda: next(times))


def records(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def train_until(step, maker, folder, make=small_method):
    """Train, but break off in the evaluation after a step."""

    def evaluate(networks):
        evaluate.calls += 1
        if evaluate.calls * CONFIG.evaluate_every >= step:
            raise InterruptedRunError
        return {}

    evaluate.calls = 0
    with pytest.raises(InterruptedRunError):
        train(make(), maker, CONFIG, folder, evaluate)


def test_the_method_is_moved_once_before_the_first_step(maker, tmp_path):
    method, moved = small_method(), []
    step = method.step
    method.to = lambda device: moved.append(device)

    def checked(batch):
        assert moved == [torch.device("cpu")]
        return step(batch)

    method.step = checked
    train(method, maker, replace(CONFIG, steps=2), tmp_path)
    assert len(moved) == 1


@pytest.mark.usefixtures("checkpoint_every_step")
def test_a_resumed_run_ends_in_the_same_state(maker, tmp_path):
    whole = train(small_method(), maker, CONFIG, tmp_path / "whole")
    train_until(3, maker, tmp_path / "broken")
    resumed = train(small_method(), maker, CONFIG, tmp_path / "broken")
    for name, value in whole["regressor"].state_dict().items():
        assert torch.equal(value, resumed["regressor"].state_dict()[name]), name
    losses = [
        [(r["step"], r["total"]) for r in records(tmp_path / name) if r["kind"] == "train"]
        for name in ("whole", "broken")
    ]
    assert losses[0] == losses[1]


def test_checkpoints_of_the_first_version_load(maker, tmp_path):
    """Networks and averages under the networks' own names, and no clock."""
    begun = small_method()
    optimiser = torch.optim.AdamW(
        [
            {"params": [one for one in begun.regressor.parameters() if one.ndim > 1]},
            {"params": [one for one in begun.regressor.parameters() if one.ndim <= 1]},
        ]
    )
    state = begun.regressor.state_dict()
    averaged = {name: value + 1 if value.is_floating_point() else value for name, value in state.items()}
    old = {
        "step": CONFIG.steps,
        "networks": {"regressor": state},
        "averaged": {"regressor": averaged},
        "optimisers": {"regressor": optimiser.state_dict()},
    }
    save_checkpoint(tmp_path / "checkpoints", CONFIG.steps, old)
    ended = train(small_method(), maker, CONFIG, tmp_path)
    assert (ended.steps, ended.elapsed_s) == (CONFIG.steps, 0.0)
    for name, value in ended["regressor"].state_dict().items():
        assert torch.equal(value, averaged[name]), name


@pytest.mark.usefixtures("checkpoint_every_step")
def test_so_does_one_with_a_critic_of_its_own_optimiser(maker, tmp_path):
    whole = train(small_twodasl(), maker, CONFIG, tmp_path / "whole")
    train_until(3, maker, tmp_path / "broken", small_twodasl)
    resumed = train(small_twodasl(), maker, CONFIG, tmp_path / "broken")
    assert whole.keys() == resumed.keys() == {"regressor", "critic"}
    for network in whole:
        for name, value in whole[network].state_dict().items():
            assert torch.equal(value, resumed[network].state_dict()[name]), name
    first, second = (records(tmp_path / name)[-1] for name in ("whole", "broken"))
    assert first["step"] == CONFIG.steps
    changing = ("samples_per_second",)
    assert {k: v for k, v in first.items() if k not in changing} == {
        k: v for k, v in second.items() if k not in changing
    }


def test_a_finished_run_is_not_trained_further(maker, tmp_path):
    first = train(small_method(), maker, CONFIG, tmp_path)
    again = train(small_method(), maker, CONFIG, tmp_path)
    for name, value in first["regressor"].state_dict().items():
        assert torch.equal(value, again["regressor"].state_dict()[name])


def test_the_log_has_losses_rates_and_validation(maker, tmp_path):
    train(small_method(), maker, CONFIG, tmp_path, lambda networks: {"error": float(len(networks))})
    kinds = [(record["step"], record["kind"]) for record in records(tmp_path)]
    assert kinds == [
        (2, "train"), (3, "validation"), (4, "train"), (6, "train"), (6, "validation"),
    ]  # fmt: skip
    assert records(tmp_path)[1]["error"] == 1.0
    assert records(tmp_path)[0]["rate"] == pytest.approx(1e-3)
    assert {"total", "dense", "samples_per_second"} <= records(tmp_path)[0].keys()


def test_a_log_that_was_cut_off_does_not_stop_a_run(maker, tmp_path):
    (tmp_path / "log.jsonl").write_text('{"step": 0, "kind": "train"}\n{"step": 1, "ki')
    train(small_method(), maker, CONFIG, tmp_path)
    assert [record["step"] for record in records(tmp_path)] == [0, 2, 4, 6]


def test_averaged_networks_are_returned_for_evaluation(maker, tmp_path):
    network = train(small_method(), maker, CONFIG, tmp_path)["regressor"]
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_checkpoints_of_other_networks_are_refused(maker, tmp_path):
    train(small_method(), maker, CONFIG, tmp_path)
    other = small_method()
    other.regressor.head = torch.nn.Linear(64, 5)
    with pytest.raises(CheckpointError, match="expected one of the same networks"):
        train(other, maker, CONFIG, tmp_path)


@pytest.mark.parametrize(
    ("step", "factor"),
    [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (50, 1.0), (75, 0.505), (100, 0.01), (200, 0.01)],
)
def test_learning_rate_by_hand(step, factor):
    config = TrainConfig(steps=100, warmup=10, decay_from=0.5)
    assert config.rate_at(step) == pytest.approx(factor)


def test_learning_rate_stays_without_decay():
    assert TrainConfig(steps=100, warmup=0, decay_from=1.0).rate_at(99) == 1.0


def test_by_the_clock_the_rate_follows_the_time():
    config = TrainConfig(minutes=2, warmup=10, decay_from=0.5)
    assert config.rate_at(3, 119.0) == pytest.approx(0.4)
    assert [config.rate_at(10**6, elapsed) for elapsed in (0, 60, 90, 120, 999)] == pytest.approx(
        [1, 1, 0.505, 0.01, 0.01]
    )
    assert not config.is_over(10**6, 119.9)
    assert config.is_over(0, 120.0)


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by a second whenever someone looks at it."""
    seconds = iter(range(10**6))
    monkeypatch.setattr(loop_module.time, "monotonic", lambda: float(next(seconds)))


@pytest.mark.usefixtures("clock")
def test_a_run_by_the_clock_goes_on_with_the_time_that_is_left(maker, tmp_path):
    whole = train(small_method(), maker, replace(CONFIG, minutes=0.5), tmp_path / "whole")
    assert 5 < whole.steps <= 30
    assert whole.elapsed_s >= 30
    first = train(small_method(), maker, replace(CONFIG, minutes=0.2), tmp_path / "parts")
    assert 12 <= first.elapsed_s < 15
    second = train(small_method(), maker, replace(CONFIG, minutes=0.5), tmp_path / "parts")
    assert first.steps < second.steps
    assert abs(second.steps - whole.steps) <= 2
    again = train(small_method(), maker, replace(CONFIG, minutes=0.5), tmp_path / "parts")
    assert (again.steps, again.elapsed_s) == (second.steps, second.elapsed_s)


@pytest.mark.usefixtures("clock")
def test_the_last_step_by_the_clock_is_evaluated_and_kept(maker, tmp_path):
    trained = train(
        small_method(), maker, replace(CONFIG, minutes=0.2), tmp_path, lambda networks: {"error": 1.0}
    )
    assert [record["step"] for record in records(tmp_path) if record["kind"] == "validation"][
        -1
    ] == trained.steps
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == [f"step-{trained.steps:08d}.pt"]


def test_checkpoints_without_a_clock_are_continued(maker, tmp_path):
    train(small_method(), maker, CONFIG, tmp_path)
    (path,) = (tmp_path / "checkpoints").iterdir()
    state = loop_module.load_newest_checkpoint(path.parent)
    del state["elapsed_s"]
    loop_module.save_checkpoint(path.parent, 6, state)
    assert train(small_method(), maker, replace(CONFIG, steps=7), tmp_path).steps == 7


def test_samples_are_drawn_from_time_to_time_and_at_the_end(maker, tmp_path):
    seen = []

    def render(networks):
        seen.append(networks.keys())
        return np.zeros((4, 6, 3), np.uint8)

    train(small_method(), maker, replace(CONFIG, samples_every=4), tmp_path, samples=render)
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == [
        "step-00000004.png", "step-00000006.png",
    ]  # fmt: skip
    assert seen == [{"regressor"}, {"regressor"}]
    train(small_method(), maker, replace(CONFIG, samples_every=0), tmp_path / "none", samples=render)
    assert not (tmp_path / "none" / "samples").exists()


def test_losses_that_are_not_finite_end_the_run(maker, tmp_path):
    method = small_method()
    method.regressor.head.bias.data[3] = torch.nan
    with pytest.raises(DivergedError, match="step 0: expected finite losses, got other values in total"):
        train(method, maker, CONFIG, tmp_path)
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("wrong", [{"minutes": -1}, {"devices": 0}, {"num_nodes": 0}, {"samples_every": -1}])
def test_impossible_schedules_and_processes_are_refused(wrong):
    with pytest.raises(ConfigError, match="minutes and samples_every of at least 0"):
        TrainConfig(**wrong)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 1}, {"decay_from": 1.5}])
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(ConfigError, match="at least one step"):
        TrainConfig(**wrong)


def test_only_weights_decay():
    network = small_method().regressor
    weights, others = loop_module._parameter_groups(network, 0.02)
    assert weights["weight_decay"] == 0.02
    assert others["weight_decay"] == 0.0
    assert all(parameter.ndim > 1 for parameter in weights["params"])
    assert len(weights["params"]) + len(others["params"]) == len(list(network.parameters()))


@pytest.mark.parametrize(("supported", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_precision_follows_the_processor(monkeypatch, supported, expected):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported)
    assert TrainConfig().chosen_precision == expected
    assert TrainConfig(precision="bf16-mixed").chosen_precision == "bf16-mixed"
