"""All benchmarks: one line for each, and what its module has."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from monoface.core.errors import ConfigError

if TYPE_CHECKING:
    # The list of commands has the table's lines, and should not wait for PyTorch.
    from monoface.evaluation.reports.definition import BenchmarkReport


@dataclass(frozen=True)
class Benchmark:
    """A benchmark that is loaded when it is asked for.

    Attributes:
        module: Has `run(config)`, which measures, writes the report and its page, and returns the report. The
            annotation of `config` is a dataclass with a path `out`, whose fields are the command's options.
        summary: One line for the list of commands.
    """

    module: str
    summary: str

    def load(self) -> tuple[type[Any], Callable[[Any], "BenchmarkReport"]]:
        """The configuration's class, and what measures."""
        run = importlib.import_module(self.module).run
        return get_type_hints(run)["config"], run


BENCHMARKS: Final[Mapping[str, Benchmark]] = MappingProxyType(
    {
        name: Benchmark(f"monoface.evaluation.{module}", summary)
        for name, module, summary in (
            ("aflw2000", "landmarks.aflw2000", "score 68 points on AFLW2000-3D"),
            (
                "aflw2000-dense",
                "landmarks.aflw2000_dense",
                "score all vertices on AFLW2000-3D, with your own Basel Face Model",
            ),
            ("aflw", "landmarks.aflw", "score 21 points on AFLW"),
            ("aflw-lfpa", "landmarks.aflw_lfpa", "score 34 points on AFLW-LFPA"),
            ("now", "scans.now", "score neutral meshes on NoW"),
            ("micc", "scans.micc", "score meshes on MICC Florence"),
            ("realy", "scans.realy", "score meshes by region on REALY"),
            ("facescape", "scans.facescape", "score posed meshes on FaceScape"),
            ("heads", "synthetic.heads", "score shape, pose, albedo and light on heads that are drawn"),
            ("views", "synthetic.views", "score shape and its variation on heads drawn in several cameras"),
            ("detail", "synthetic.detail", "score wrinkles and painted marks on heads that are drawn"),
            ("consistency", "people.consistency", "score how alike the shapes of one person's photos are"),
            ("profiles", "people.profiles", "score shapes of frontal photos on the same people's profiles"),
            ("people", "people.people", "score whether shapes tell people apart"),
            ("gaps", "landmarks.gaps", "score how far mouths and eyes open, on MERL-RAV"),
            ("blendshapes", "people.blendshapes", "score expressions against a table of labels"),
            ("relief", "relief.relief", "score relief on a head scan whose relief is known, and on photos"),
            ("scan", "scans.scan", "score neutral meshes on photos rendered from a head scan"),
        )
    }
)
"""Benchmarks by their name in `monoface evaluate`. To add one, write its module and its line."""


def find_benchmark(name: str) -> Benchmark:
    """The benchmark of a name.

    Raises:
        ConfigError: If there is none.
    """
    if name not in BENCHMARKS:
        raise ConfigError(f"benchmark {name}: expected one of {', '.join(BENCHMARKS)}.")
    return BENCHMARKS[name]
