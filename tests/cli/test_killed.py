"""A run that is killed in the middle leaves whole files only."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from monoface.export import read_glb


@pytest.fixture
def many_photos(sample, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(12):
        sample.save(folder / f"{number}.png", compress_level=0)
    return sorted(folder.iterdir())


def _start(photos, out):
    """Starts a run and waits until it writes its third photo."""
    command = [sys.executable, "-m", "monoface", "reconstruct", *map(str, photos), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not (out.is_dir() and len(list(out.glob("*.json"))) >= 2):
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def _assert_whole(path):
    match path.suffix:
        case ".json":
            # One that was killed between claiming its names and having them says so.
            assert json.loads(path.read_text())["status"] in ("ok", "writing")
        case ".png":
            assert np.asarray(Image.open(path)).shape == (512, 512, 3)
        case ".glb":
            assert read_glb(path).camera is not None
        case _:
            raise AssertionError(path)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_killed_run_leaves_whole_files(many_photos, tmp_path, name):
    out = tmp_path / "out"
    process = _start(many_photos, out)
    process.send_signal(getattr(signal, name))
    process.wait(timeout=60)
    assert process.returncode == {"SIGTERM": 143, "SIGKILL": -9}[name]
    process.stdout.close()
    process.stderr.close()

    hidden = [path for path in out.iterdir() if path.name.startswith(".")]
    named = [path for path in out.iterdir() if not path.name.startswith(".")]
    # One for each thread that writes.
    assert len(hidden) <= (2 if name == "SIGKILL" else 0)
    assert len(list(out.glob("*.json"))) < len(many_photos)
    for path in named:
        _assert_whole(path)
