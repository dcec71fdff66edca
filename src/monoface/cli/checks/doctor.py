"""`monoface doctor`: what this installation is and whether it works, as text for an issue."""

import importlib.metadata
import os
import platform
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from monoface.cli.checks.self_test import run_self_test
from monoface.core.assets import asset_names, asset_path
from monoface.core.errors import AssetError, MonofaceError
from monoface.core.kernels.threads import thread_count
from monoface.core.memory import available_bytes
from monoface.core.names import one_line
from monoface.core.version import VERSION

BROKEN = 1
"""Exit code where something is broken."""

_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT")


@dataclass(frozen=True)
class DoctorArguments:
    """Check this installation: system, versions, extras, threads, memory, folders, files, and a self-test.

    Paste what it prints into an issue: it names no user, no photo, and folders below the home folder as ~.
    Exit code: 0 all fine, 1 something is broken, 2 usage error.
    """

    no_self_test: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Load no network, and reconstruct nothing."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(DoctorArguments, prog="monoface doctor", args=list(arguments))
    broken = []
    for name, told, works in _findings(self_test=not chosen.no_self_test):
        print(f"{name:<12} {one_line(told)}{'' if works else '  <- BROKEN'}", flush=True)
        if not works:
            broken.append(name)
    print(f"\nbroken: {', '.join(broken)}" if broken else "\nall fine")
    return BROKEN if broken else 0


def _findings(*, self_test: bool) -> Iterator[tuple[str, str, bool]]:
    """Name of what was looked at, what was found, and whether it works."""
    yield "monoface", f"{VERSION}, Python {platform.python_version()}", True
    yield "system", f"{platform.system()} {platform.release()}, {platform.machine()}", True
    left = available_bytes()
    memory = "unknown" if left is None else f"{left / 1e9:.1f} GB left"
    yield "processors", f"{os.cpu_count()}, {thread_count()} threads; memory: {memory}", True
    told = [f"{name}={os.environ[name]}" for name in _VARIABLES if name in os.environ]
    yield "environment", _short(" ".join(told)) or "nothing that matters", True
    yield "GPU", _gpu(), True
    yield from _packages()
    for name, folder in _folders():
        yield name, _short(str(folder)), _is_writable(folder)
    yield ("files", *_files())
    if self_test:
        yield ("self-test", *_self_test())


def _packages() -> Iterator[tuple[str, str, bool]]:
    """Packages that are needed, and those of each extra, with their versions."""
    groups: dict[str, list[str]] = {}
    for line in importlib.metadata.requires("monoface") or ():
        requirement, _, marker = line.partition(";")
        name, extra = re.match(r"[\w.-]+", requirement), re.search(r"extra == ['\"](\w+)['\"]", marker)
        group = "needed" if extra is None else f"[{extra.group(1)}]"
        if name is not None and group != "[dev]":
            groups.setdefault(group, []).append(name.group())
    for group, names in groups.items():
        versions = {name: _version(name) for name in names}
        told = ", ".join(f"{name} {found or '(missing)'}" for name, found in versions.items())
        yield group, told, group != "needed" or all(versions.values())


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _gpu() -> str:
    try:
        import torch
    except ModuleNotFoundError:
        return "not asked: PyTorch is not installed, and reconstruction does not need it"
    if not torch.cuda.is_available():
        return f"none that PyTorch {torch.__version__} can use"
    return f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}"


def _folders() -> Iterator[tuple[str, Path]]:
    """Folders in which something is written."""
    from numba.misc.appdirs import AppDirs

    told = os.environ.get("NUMBA_CACHE_DIR")
    yield "cache", Path(told) if told else Path(AppDirs("numba").user_cache_dir)
    yield "temporary", Path(tempfile.gettempdir())


def _is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself where it is not there yet."""
    there = next((one for one in (folder, *folder.parents) if one.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK)


def _files() -> tuple[str, bool]:
    """Whether each shipped file is there as it was shipped."""
    names = [name for name in asset_names() if not name.endswith(".json")]
    problems = []
    for name in names:
        try:
            asset_path(name)
        except AssetError as error:
            problems.append(str(error))
    return "; ".join(problems) or f"all {len(names)} are as they were shipped", not problems


def _self_test() -> tuple[str, bool]:
    try:
        result = run_self_test()
    except (MonofaceError, ImportError, OSError) as error:
        return f"{type(error).__name__}: {error}", False
    return f"{result.told}, in {result.seconds:.1f} s", result.passed


def _short(text: str) -> str:
    """Text without the name of the user, as far as it is in the home folder's path."""
    home = str(Path.home())
    return text.replace(home, "~") if home != os.sep else text
