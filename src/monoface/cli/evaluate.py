"""`monoface evaluate NAME … --out REPORT`: runs a benchmark, and prints what its page says."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import tyro

from monoface.cli.console.live import showing_progress
from monoface.evaluation.registry import find_benchmark
from monoface.evaluation.reports.definition import BenchmarkReport
from monoface.evaluation.reports.page import Page, Table
from monoface.evaluation.reports.report import page_path


def command(name: str) -> Callable[[Sequence[str]], int]:
    """Load a benchmark; returns what runs it with the words after its name."""
    with showing_progress("loading"):
        config_type, measure = find_benchmark(name).load()

    def run(arguments: Sequence[str]) -> int:
        config = tyro.cli(config_type, prog=f"monoface evaluate {name}", args=list(arguments))
        with showing_progress(f"evaluating {name}"):
            report = measure(config)
        print_results(report, config.out)
        return 0

    return run


def print_results(report: BenchmarkReport, out: Path) -> None:
    """Print the report of a benchmark with its definition, and where it was written."""
    print_page(report.page(), report.definition.as_facts())
    print(f"\nwritten: {out} and {page_path(out)}")


def print_page(page: Page, facts: Mapping[str, str] | None = None) -> None:
    """Print title, warnings and tables of a page.

    Args:
        page: The page.
        facts: What stands below the title, such as a definition.
    """
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


def _print_table(table: Table) -> None:
    rows = [tuple(table.columns), *map(tuple, table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    for row in rows:
        first, *others = row
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join([f"{first:<{widths[0]}}", *cells]).rstrip())
