"""Where compiled kernels are kept, seen from the processes that need them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monoface.core.kernels.compiled import kernel

_MODULE = """
import json, sys, time
import numpy as np
from monoface.core.kernels.compiled import kernel

@kernel
def double(values):
    for index in range(len(values)):
        values[index] *= 2

if __name__ == "__main__":
    values = np.ones(3, np.float32)
    start = time.process_time()
    double(values)
    took_s = time.process_time() - start
    hits = sum(double.stats.cache_hits.values())
    print(json.dumps({"values": values.tolist(), "took_s": took_s, "hits": hits}))
"""


@pytest.fixture
def call(tmp_path):
    """Calls a kernel in a new process; its source lies where nothing can be written, not even by root."""
    package = tmp_path / "installed"
    package.mkdir()
    (package / "doubling.py").write_text(_MODULE)
    (package / "__pycache__").touch()

    def run(**environment: str) -> dict:
        cleared = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
        cleared.pop("PYTHONDONTWRITEBYTECODE", None)
        cleared["PYTHONPYCACHEPREFIX"] = str(tmp_path / "bytecode")
        ran = subprocess.run(
            [sys.executable, str(package / "doubling.py")],
            env=cleared | environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(ran.stdout)

    return run


def files_in(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.rglob("*") if path.is_file())


def test_a_new_process_finds_what_another_one_compiled(call, tmp_path):
    home = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    home |= {"LOCALAPPDATA": str(tmp_path / "cache")}
    first, second = call(**home), call(**home)
    assert first["values"] == second["values"] == [2, 2, 2]
    assert (first["hits"], second["hits"]) == (0, 1)
    assert second["took_s"] < 1
    folders = (path for path in tmp_path.rglob("kernels") if path.is_dir())
    kept = [path for path in folders if path.parent.name != "core"]
    assert [path.parent.name for path in kept] == ["monoface"]
    assert files_in(kept[0]) == [".nbc", ".nbi"]


def test_the_users_own_choice_of_a_folder_counts(call, tmp_path):
    chosen = tmp_path / "chosen"
    call(NUMBA_CACHE_DIR=str(chosen), HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert files_in(chosen) == [".nbc", ".nbi"]
    assert not (tmp_path / "cache").exists()


def test_without_any_place_to_keep_it_a_kernel_still_runs(call, tmp_path):
    nowhere = tmp_path / "no folder"
    nowhere.touch()
    home = {"XDG_CACHE_HOME": str(nowhere), "HOME": str(nowhere), "LOCALAPPDATA": str(nowhere)}
    assert call(**home)["values"] == [2, 2, 2]


def test_kernels_work_where_nothing_can_be_cached():
    # numba finds no place for the machine code of a function without a source file.
    names = {}
    exec("def double(value):\n    return 2 * value", names)
    assert kernel(names["double"])(21) == 42
