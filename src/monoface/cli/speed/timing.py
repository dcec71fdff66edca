"""Measuring how long something takes, and on what."""

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from monoface.core.kernels.threads import thread_count


@dataclass(frozen=True)
class Timing:
    """How long a stage takes.

    Attributes:
        stage: What was timed.
        p50_ms: Half of the runs took at most this long.
        p95_ms: 95 % of the runs took at most this long.
        runs: How many runs were timed.
        threads: Threads it ran on.
        budget_ms: What p50 should be at most, or None.
    """

    stage: str
    p50_ms: float
    p95_ms: float
    runs: int
    threads: int
    budget_ms: float | None = None


def time_stage(
    stage: str, run: Callable[[], object], runs: int, *, warm_up: int = 5, budget_ms: float | None = None
) -> Timing:
    """Time repeated runs, after some that are not counted, on the present number of threads."""
    for _ in range(warm_up):
        run()
    taken_ms = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        taken_ms.append(1000 * (time.perf_counter() - start))
    return timing_of(stage, taken_ms, thread_count(), budget_ms)


def timing_of(stage: str, taken_ms: list[float], threads: int, budget_ms: float | None = None) -> Timing:
    """Percentiles of measured times."""
    p50, p95 = np.percentile(taken_ms, (50, 95))
    return Timing(stage, float(p50), float(p95), len(taken_ms), threads, budget_ms)


def time_in_turns(
    runs: Mapping[str, Callable[[], object]], rounds: int, *, warm_up: int = 2
) -> dict[str, list[float]]:
    """Milliseconds that each of several things takes, one after the other in each round.

    What else the machine does disturbs all of them alike, so that ratios can be trusted where times cannot.
    """
    for _ in range(warm_up):
        for run in runs.values():
            run()
    taken_ms: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            taken_ms[name].append(1000 * (time.perf_counter() - start))
    return taken_ms


def hardware() -> dict[str, str | int]:
    """What the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "system": platform.platform(),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
    }


def _processor() -> str:
    """Name of the processor; Linux tells it in a file only."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
