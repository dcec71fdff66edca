"""Two processes that train together end as one with the same batches does."""

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
import torch
from torch.testing import assert_close
from train_in_processes import METHODS, STEPS, make_config, make_maker, train_small

from monoface.core.errors import ConfigError
from monoface.training import train
from monoface.training.engine.distribution import launch, mean_over_processes, of_first_process, part_of_batch

# AdamW divides gradients by their size: where one is zero but for rounding, the sign of the step is chance.
# So a weight may differ by some of the learning rate, 0.001, a step; on the whole they agree.
LARGEST_DIFFERENCE, MEAN_DIFFERENCE = 1e-4, 1e-7


@contextmanager
def second_process(folder, support):
    """Another process for the run, while this one is the first; `torchrun` would set the same variables."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {
        "TORCHELASTIC_RUN_ID": "test", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    own = {"RANK": "1", "LOCAL_RANK": "1", "PYTHONPATH": os.pathsep.join((str(support), *sys.path))}
    command = [sys.executable, str(support / "train_in_processes.py"), str(folder)]
    process = subprocess.Popen(
        command, env=os.environ | shared | own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (shared | {"RANK": "0", "LOCAL_RANK": "0"}).items():
            patch.setenv(name, value)
        try:
            yield
            output = process.communicate(timeout=60)[0].decode()
            assert process.returncode == 0, output
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def all_together(tmp_path_factory, repository):
    """Weights of both processes after a run of each method, and the folder of the runs."""
    folder = tmp_path_factory.mktemp("together")
    with second_process(folder, repository / "tests" / "support"):
        first = {name: train_small(folder, name, 2) for name in METHODS}
    return [first, torch.load(folder / "weights-1.pt")], folder


@pytest.fixture(scope="module", params=METHODS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def together(all_together, name):
    """Weights of both processes after a run of one method, and its folder."""
    weights, folder = all_together
    return [one[name] for one in weights], folder / name


@pytest.fixture(scope="module")
def alone(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("alone")
    return train_small(folder, name, 1), folder / name


def records(folder, kind):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_processes_have_the_same_weights(together):
    first, second = together[0]
    for key, value in first.items():
        assert_close(second[key], value, rtol=0, atol=0)


def test_weights_are_those_of_one_process_with_the_same_batches(together, alone):
    differences = []
    for key, value in alone[0].items():
        got = together[0][0][key]
        assert got.shape == value.shape
        differences.append((got.double() - value.double()).abs().flatten())
    differences = torch.cat(differences)
    assert differences.max() < LARGEST_DIFFERENCE
    assert differences.mean() < MEAN_DIFFERENCE


def test_running_statistics_are_those_of_all_samples(together, alone):
    keys = [key for key in alone[0] if "running_" in key]
    assert keys
    for key in keys:
        assert_close(together[0][0][key], alone[0][key], rtol=1e-4, atol=1e-5)


def test_losses_are_means_over_all_samples_and_written_once(together, alone):
    for one, other in zip(records(together[1], "train"), records(alone[1], "train"), strict=True):
        assert one["total"] == pytest.approx(other["total"], rel=1e-4)
    assert [record["step"] for record in records(together[1], "validation")] == [2, 3]
    assert len(list((together[1] / "checkpoints").iterdir())) == 1


def test_checkpoints_of_processes_go_on_in_one(together, name, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (newest,) = (together[1] / "checkpoints").iterdir()
    (tmp_path / "checkpoints" / newest.name).write_bytes(newest.read_bytes())
    trained = train(METHODS[name](), make_maker(), make_config(1), tmp_path)
    assert trained.steps == STEPS
    for key, value in trained["regressor"].state_dict().items():
        assert torch.equal(value, together[0][0][f"averaged.regressor.{key}"])
    assert {type(module) for module in trained["regressor"].modules() if "Norm" in type(module).__name__} == {
        torch.nn.BatchNorm2d
    }


def test_processes_that_nobody_started_are_refused():
    with pytest.raises(ConfigError, match=r"expected 2 processes, got 1\. Start them with torchrun"):
        launch("cpu", 2, 1, "32-true")


def test_more_processes_than_configured_are_refused(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(ConfigError, match="expected 2 processes, got 4"):
        launch("cpu", 1, 2, "32-true")


def test_parts_are_the_whole_in_order():
    parts = [part_of_batch(12, rank, 3) for rank in range(3)]
    assert [list(range(12))[part] for part in parts] == [list(range(n, n + 4)) for n in (0, 4, 8)]
    with pytest.raises(ConfigError, match="expected a multiple of the 3 processes, got 10"):
        part_of_batch(10, 0, 3)


def test_one_process_agrees_with_itself():
    alone = launch("cpu", 1, 1, "32-true")
    assert mean_over_processes({"a": 0.1}, alone) == {"a": 0.1}
    assert of_first_process(0.3, alone) == 0.3
