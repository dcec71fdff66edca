"""Two processes that train together end as one with the same batches does."""

import json
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close
from train_in_processes import make_config, make_maker

from monoface.core.errors import ConfigError
from monoface.training import train
from monoface.training.distribution import launch, mean_over_processes, of_first_process, part_of_batch

STEPS = 3
# AdamW divides gradients by their size: where one is zero but for rounding, the sign of the step is chance.
# So single weights may differ by a part of the learning rate (0.001) a step; on the whole they agree.
LARGEST_DIFFERENCE, MEAN_DIFFERENCE = 5e-4, 1e-6


def run_processes(folder, support, count, steps):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(support), *sys.path)), "TORCHELASTIC_RUN_ID": "test",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = [sys.executable, str(support / "train_in_processes.py"), str(folder), str(count), str(steps)]
    processes = [
        subprocess.Popen(
            command,
            env=common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for rank in range(count)
    ]
    for process in processes:
        output = process.communicate(timeout=120)[0].decode()
        assert process.returncode == 0, output


@pytest.fixture(scope="module")
def together(tmp_path_factory, repository):
    """Weights of both processes after a run that was continued from its second step, and its folder."""
    folder = tmp_path_factory.mktemp("together")
    run_processes(folder, repository / "tests" / "support", 2, STEPS)
    return [torch.load(folder / f"weights-{rank}.pt") for rank in (0, 1)], folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    from synthetic_packs import small_method

    folder = tmp_path_factory.mktemp("alone")
    method = small_method()
    averaged = train(method, make_maker(), make_config(1, STEPS), folder)["regressor"].state_dict()
    own = method.regressor.state_dict()
    return averaged | {f"own.{name}": value for name, value in own.items()}, folder


def records(folder, kind):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_processes_have_the_same_weights(together):
    first, second = together[0]
    for name, value in first.items():
        assert_close(second[name], value, rtol=0, atol=0)


def test_weights_are_those_of_one_process_with_the_same_batches(together, alone):
    differences = []
    for name, value in alone[0].items():
        got = together[0][0][name]
        assert got.shape == value.shape
        differences.append((got.double() - value.double()).abs().flatten())
    differences = torch.cat(differences)
    assert differences.max() < LARGEST_DIFFERENCE
    assert differences.mean() < MEAN_DIFFERENCE


def test_running_statistics_are_those_of_all_samples(together, alone):
    names = [name for name in alone[0] if "running_" in name]
    assert names
    for name in names:
        assert_close(together[0][0][name], alone[0][name], rtol=1e-4, atol=1e-5)


def test_losses_are_means_over_all_samples_and_written_once(together, alone):
    for one, other in zip(records(together[1], "train"), records(alone[1], "train"), strict=True):
        assert one["total"] == pytest.approx(other["total"], rel=1e-4)
    assert [record["step"] for record in records(together[1], "validation")] == [2, 3]
    assert len(list((together[1] / "checkpoints").iterdir())) == 1


def test_checkpoints_of_processes_go_on_in_one(together, tmp_path):
    from synthetic_packs import small_method

    (tmp_path / "checkpoints").mkdir()
    (newest,) = (together[1] / "checkpoints").iterdir()
    (tmp_path / "checkpoints" / newest.name).write_bytes(newest.read_bytes())
    trained = train(small_method(), make_maker(), make_config(1, STEPS), tmp_path)
    assert trained.steps == STEPS
    for name, value in trained["regressor"].state_dict().items():
        assert torch.equal(value, together[0][0][name])
    assert {type(module) for module in trained["regressor"].modules() if "Norm" in type(module).__name__} == {
        torch.nn.BatchNorm2d
    }


def test_processes_that_nobody_started_are_refused():
    with pytest.raises(ConfigError, match="expected 2 processes, got 1. Start them with torchrun"):
        launch("cpu", 2, 1, "32-true")


def test_more_processes_than_configured_are_refused(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(ConfigError, match="expected 2 processes, got 4"):
        launch("cpu", 1, 2, "32-true")


def test_parts_are_the_whole_in_order():
    parts = [part_of_batch(SimpleNamespace(world_size=3, global_rank=rank), 12) for rank in range(3)]
    assert [list(range(12))[part] for part in parts] == [list(range(n, n + 4)) for n in (0, 4, 8)]
    with pytest.raises(ConfigError, match="expected a multiple of the 3 processes, got 10"):
        part_of_batch(SimpleNamespace(world_size=3, global_rank=0), 10)


def test_one_process_agrees_with_itself():
    alone = SimpleNamespace(world_size=1)
    assert mean_over_processes({"a": 0.1}, alone) == {"a": 0.1}
    assert of_first_process(0.3, alone) == 0.3
