"""Logs: lines and pictures on disk, the same in TensorBoard, and what a continued run drops."""

import builtins
import json

import numpy as np
import pytest
from PIL import Image

from monoface.core.errors import ConfigError
from monoface.training.engine.logs import RunLog


def lines(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_lines_hold_values_and_speed(tmp_path):
    with RunLog(tmp_path / "run", 0, tensorboard=False) as log:
        log.write(5, "train", {"total": 1 / 3}, samples=100)
        log.write(6, "validation", {"aflw": 4.0})
    first, second = lines(tmp_path / "run")
    assert first.pop("samples_per_second") > 0
    assert first == {"step": 5, "kind": "train", "total": 0.333333}
    assert second == {"step": 6, "kind": "validation", "aflw": 4.0}


def test_a_continued_run_drops_what_came_after(tmp_path):
    for start, steps in ((0, (2, 4, 6)), (4, (6, 8))):
        with RunLog(tmp_path, start, tensorboard=False) as log:
            for step in steps:
                log.write(step, "train", {"start": float(start)})
    assert [(line["step"], line["start"]) for line in lines(tmp_path)] == [(2, 0), (4, 0), (6, 4), (8, 4)]


def test_tensorboard_has_the_same(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    picture = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
    with RunLog(tmp_path, 0, tensorboard=True) as log:
        log.write(5, "train", {"total": 0.25}, samples=3)
        log.picture(7, picture)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    (scalar,) = events.Scalars("train/total")
    assert (scalar.step, scalar.value) == (5, 0.25)
    assert [(one.step, one.width, one.height) for one in events.Images("samples")] == [(7, 10, 6)]
    np.testing.assert_array_equal(Image.open(tmp_path / "samples" / "step-00000007.png"), picture)


def test_without_tensorboard_the_user_is_told(tmp_path, monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **options):
        if name.startswith("torch.utils.tensorboard"):
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ConfigError, match="TensorBoard is not installed"):
        RunLog(tmp_path, 0, tensorboard=True)
