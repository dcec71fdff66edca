"""Checkpoints: whole or not there, the previous one where the newest is damaged."""

import hashlib
import io
import os
import pickle
import struct
import zipfile

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


def test_a_full_disk_leaves_the_older_ones_alone(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, 1, {"step": 1})

    def full(*names):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("monoface.core.files.os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(tmp_path, 2, {"step": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.pt"]


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


def hostile(path, body):
    """A checkpoint with a hash that is right, and a body of somebody else's."""
    path.write_bytes(hashlib.sha256(body).digest() + body)


@pytest.mark.parametrize("body", [b"nothing", pickle.dumps({"step": print})])
def test_a_body_of_something_else_is_refused(body, tmp_path):
    hostile(tmp_path / "step-00000001.pt", body)
    with pytest.raises(CheckpointError, match="expected the state of a run, got something else"):
        load_newest_checkpoint(tmp_path)


def test_bodies_that_unfold_or_promise_more_are_refused(tmp_path):
    buffer = io.BytesIO()
    torch.save({"network": torch.zeros(2**16)}, buffer)
    with zipfile.ZipFile(buffer) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    folded = io.BytesIO()
    with zipfile.ZipFile(folded, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    hostile(tmp_path / "step-00000001.pt", folded.getvalue())
    with pytest.raises(CheckpointError, match="not compressed, its members promise 2"):
        load_newest_checkpoint(tmp_path)

    # The storage of 65536 numbers says that it has 2^30.
    body = buffer.getvalue()
    counted = b"cpu" + b"q\x06J" + struct.pack("<i", 2**16)
    assert body.count(counted) == 1
    with zipfile.ZipFile(folded := io.BytesIO(), "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(counted, counted[:-4] + struct.pack("<i", 2**30)))
    hostile(tmp_path / "step-00000001.pt", folded.getvalue())
    with pytest.raises(CheckpointError, match="record size"):
        load_newest_checkpoint(tmp_path)
