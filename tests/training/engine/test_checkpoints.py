"""Checkpoints: whole or not there, the previous one where the newest is damaged."""

import os

import pytest
import torch

from monoface.core.errors import CheckpointError
from monoface.training.engine.checkpoints import load_newest_checkpoint, save_checkpoint


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_state_comes_back(tmp_path):
    state = {"step": 3, "networks": {"a": {"weight": torch.arange(4.0)}}}
    save_checkpoint(tmp_path, 3, state)
    back = load_newest_checkpoint(tmp_path)
    assert back["step"] == 3
    assert torch.equal(back["networks"]["a"]["weight"], torch.arange(4.0))


def test_no_checkpoint_is_no_state(tmp_path):
    assert load_newest_checkpoint(tmp_path / "none") is None


def test_two_are_kept(tmp_path):
    for step in (1, 20, 300):
        save_checkpoint(tmp_path, step, {"step": step})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000020.pt", "step-00000300.pt"]
    assert load_newest_checkpoint(tmp_path)["step"] == 300


def test_the_previous_one_replaces_a_damaged_one(tmp_path):
    save_checkpoint(tmp_path, 1, {"step": 1})
    damage(save_checkpoint(tmp_path, 2, {"step": 2}))
    assert load_newest_checkpoint(tmp_path)["step"] == 1


def test_a_truncated_one_is_damaged_too(tmp_path):
    save_checkpoint(tmp_path, 1, {"step": 1})
    path = save_checkpoint(tmp_path, 2, {"step": 2})
    path.write_bytes(path.read_bytes()[:10])
    assert load_newest_checkpoint(tmp_path)["step"] == 1


def test_nothing_but_damaged_ones_is_refused(tmp_path):
    for step in (1, 2):
        damage(save_checkpoint(tmp_path, step, {"step": step}))
    with pytest.raises(CheckpointError, match="got 2 damaged"):
        load_newest_checkpoint(tmp_path)


def test_an_interrupted_write_leaves_the_earlier_ones(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, 1, {"step": 1})

    def fail(_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(tmp_path, 2, {"step": 2})
    assert [path.name for path in tmp_path.glob("*.pt")] == ["step-00000001.pt"]
    assert load_newest_checkpoint(tmp_path)["step"] == 1
