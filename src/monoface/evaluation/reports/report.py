"""Reports of benchmarks: JSON that says what was measured, how, with which bytes; and a page beside it."""

import hashlib
import importlib.metadata
import json
import math
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monoface.core.errors import ConfigError
from monoface.core.files import refuse_existing, write_atomically
from monoface.core.names import encodable
from monoface.evaluation.reports.definition import BenchmarkReport, Galleries
from monoface.evaluation.reports.page import page_html
from monoface.metrics import Interval

_DECIMALS = 6


def installed_versions(*packages: str) -> dict[str, str]:
    """Versions of Python and what computes; monoface's own is in `MadeWith`.

    Args:
        packages: Names of further installed distributions.
    """
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        **{name: importlib.metadata.version(name) for name in packages},
    }


def named_folder(folder: Path) -> dict[str, str]:
    """A folder of predictions as reports name it: with a hash over the names and bytes of all its files.

    Raises:
        ConfigError: If there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: expected a folder of predictions, found none.")
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(os.fsencode(path.relative_to(folder).as_posix()))
        digest.update(path.read_bytes())
    return {f"predictions {folder.name}": f"SHA-256 {digest.hexdigest()}"}


def as_json(report: Any) -> dict[str, Any]:
    """A report dataclass as JSON values: NaN becomes null, intervals [low, high], numbers 6 decimals."""
    converted = _as_json_value(report)
    if not isinstance(converted, dict):
        raise TypeError(f"report: expected a dataclass, got {type(report).__name__}")
    return converted


def page_path(out: Path) -> Path:
    """Where the page of a JSON file goes.

    Raises:
        ConfigError: If the path names no file.
    """
    if not out.name:
        raise ConfigError(f"--out {out}: expected a JSON file to write, got a folder. Add a name.")
    return out.with_suffix(".html")


def refuse_existing_results(out: Path, *, overwrite: bool) -> None:
    """Check that there is no report yet, before any work goes into one.

    Raises:
        OutputExistsError: If the JSON file or its page exists and `overwrite` is false.
    """
    if not overwrite:
        refuse_existing(out, page_path(out))


def write_results(
    report: BenchmarkReport, out: Path, galleries: Galleries | None = None, *, overwrite: bool = False
) -> None:
    """Write a report as JSON and as a page beside it; the JSON comes last.

    Raises:
        OutputExistsError: If a file exists and `overwrite` is false.
        OSError: If the folder cannot be made or written to.
    """
    refuse_existing_results(out, overwrite=overwrite)
    write_atomically(page_path(out), page_html(report.page(galleries)), overwrite=overwrite)
    write_report(report, out, overwrite=overwrite)


def write_report(report: Any, path: Path, *, overwrite: bool = False) -> None:
    """Write a report dataclass as JSON; the same report gives the same bytes.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        OSError: If the folder cannot be made or written to.
    """
    text = json.dumps(as_json(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(path, text, overwrite=overwrite)


def _as_json_value(value: Any) -> Any:
    if isinstance(value, Interval):
        return [_as_json_value(value.low), _as_json_value(value.high)]
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, float):
        return round(value, _DECIMALS) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {encodable(str(key)): _as_json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json_value(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _as_json_value(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
