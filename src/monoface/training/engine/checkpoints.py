"""Checkpoints that appear whole or not at all, and a way back when the newest is damaged."""

import hashlib
import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch

from monoface.core.array_files import refuse_compressed
from monoface.core.errors import CheckpointError
from monoface.core.files import write_atomically

_KEPT = 2


def save_checkpoint(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Write the state of a step with its hash; older checkpoints but one are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    path = folder / f"step-{step:08d}.pt"

    def fill(file: BinaryIO) -> None:
        file.write(hashlib.sha256(content).digest())
        file.write(content)
        # A machine that loses power must not lose the older checkpoints for one that is not on disk yet.
        file.flush()
        os.fsync(file.fileno())

    write_atomically(path, fill, overwrite=True)
    for old in sorted(folder.glob("step-*.pt"))[:-_KEPT]:
        old.unlink()
    return path


def load_newest_checkpoint(folder: Path) -> dict[str, Any] | None:
    """State of the newest intact checkpoint; None if there is none at all.

    Raises:
        CheckpointError: If there are checkpoints and every one is damaged or cannot be read, or the newest is
            none of ours.
    """
    paths = sorted(folder.glob("step-*.pt"), reverse=True)
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError:
            continue
        digest, body = content[:32], content[32:]
        if hashlib.sha256(body).digest() == digest:
            return _state(path, body)
    if paths:
        raise CheckpointError(
            f"{folder}: expected an intact checkpoint, got {len(paths)} damaged; remove them to start anew."
        )
    return None


def _state(path: Path, body: bytes) -> dict[str, Any]:
    try:
        refuse_compressed(body)
        state: dict[str, Any] = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path}: expected the state of a run, got something else ({error}). Remove it."
        ) from error
    return state
