"""`monoface evaluate NAME … --out REPORT`: the benchmarks, a line for each, and what is printed of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monoface.evaluation.reports.page import Page, Table


@dataclass(frozen=True)
class Benchmark:
    """What a command measures.

    Attributes:
        module: Below `monoface.evaluation`; its function `run` takes the configuration and returns a report.
        config: Name of the configuration's class there.
        summary: One line for the list of commands.
    """

    module: str
    config: str
    summary: str


BENCHMARKS: dict[str, Benchmark] = {
    "aflw2000": Benchmark("landmarks.aflw2000", "EvaluateAflw2000Config", "score 68 points on AFLW2000-3D"),
    "aflw2000-dense": Benchmark(
        "landmarks.aflw2000_dense",
        "EvaluateAflw2000DenseConfig",
        "score all vertices on AFLW2000-3D, with your own Basel Face Model",
    ),
    "aflw": Benchmark("landmarks.aflw", "EvaluateAflwConfig", "score 21 points on AFLW"),
    "aflw-lfpa": Benchmark("landmarks.aflw_lfpa", "EvaluateAflwLfpaConfig", "score 34 points on AFLW-LFPA"),
    "now": Benchmark("scans.now", "EvaluateNowConfig", "score neutral meshes on NoW"),
    "micc": Benchmark("scans.micc", "EvaluateMiccConfig", "score meshes on MICC Florence"),
    "realy": Benchmark("scans.realy", "EvaluateRealyConfig", "score meshes by region on REALY"),
    "facescape": Benchmark("scans.facescape", "EvaluateFacescapeConfig", "score posed meshes on FaceScape"),
    "heads": Benchmark(
        "synthetic.heads", "EvaluateHeadsConfig", "score shape, pose, albedo and light on rendered heads"
    ),
    "views": Benchmark(
        "synthetic.views",
        "EvaluateViewsConfig",
        "score shape and its variation on heads rendered in several cameras",
    ),
    "detail": Benchmark(
        "synthetic.detail", "EvaluateDetailConfig", "score wrinkles and painted marks on rendered heads"
    ),
    "consistency": Benchmark(
        "people.consistency",
        "EvaluateConsistencyConfig",
        "score how alike the shapes of one person's photos are",
    ),
    "profiles": Benchmark(
        "people.profiles",
        "EvaluateProfilesConfig",
        "score shapes of frontal photos on the same people's profiles",
    ),
    "people": Benchmark("people.people", "EvaluatePeopleConfig", "score whether shapes tell people apart"),
    "gaps": Benchmark("landmarks.gaps", "EvaluateGapsConfig", "score how far mouths and eyes open"),
    "blendshapes": Benchmark(
        "people.blendshapes", "EvaluateBlendshapesConfig", "score expressions against a table of labels"
    ),
    "scan": Benchmark(
        "scans.scan", "EvaluateScanConfig", "score neutral meshes on photos rendered from a head scan"
    ),
}


def command(name: str) -> Callable[[Sequence[str]], int]:
    """Load a benchmark; returns what runs it with the words after its name."""
    import tyro

    benchmark = BENCHMARKS[name]
    module = import_module(f"monoface.evaluation.{benchmark.module}")
    config_type: type[Any] = getattr(module, benchmark.config)

    def run(arguments: Sequence[str]) -> int:
        config = tyro.cli(config_type, prog=f"monoface evaluate {name}", args=list(arguments))
        print_results(module.run(config), config.out)
        return 0

    return run


def print_results(report: Any, out: Path) -> None:
    """Print the report of a benchmark with its definition, and where it was written.

    Args:
        report: A `BenchmarkReport`.
        out: The file of the report.
    """
    from monoface.evaluation.reports.report import page_path

    print_page(report.page(), report.definition.as_facts())
    print(f"\nwritten: {out} and {page_path(out)}")


def print_page(page: "Page", facts: Mapping[str, str] | None = None) -> None:
    """Print title, warnings and tables of a page.

    Args:
        page: The page.
        facts: What stands below the title, such as a definition.
    """
    from monoface.evaluation.reports.page import Table

    print(f"{page.title}\n{page.subtitle}")
    for name, text in (facts or {}).items():
        print(f"  {name}: {text}")
    for warning in page.warnings:
        print(f"! {warning}")
    for section in page.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                print(f"\n{section.title}")
                _print_table(block)


def _print_table(table: "Table") -> None:
    rows = [tuple(table.columns), *map(tuple, table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    for row in rows:
        first, *others = row
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join([f"{first:<{widths[0]}}", *cells]).rstrip())
