"""Prints the report of a benchmark: its definition, warnings and tables, as they stand on its page."""

from pathlib import Path

from monoface.evaluation.definition import BenchmarkReport
from monoface.evaluation.page import Page, Table
from monoface.evaluation.report import page_path


def print_results(report: BenchmarkReport, out: Path) -> None:
    """Print a report, and where it was written."""
    page = report.page()
    print(f"{page.title}\n{page.subtitle}")
    for name, text in report.definition.as_facts().items():
        print(f"  {name}: {text}")
    for warning in page.warnings:
        print(f"! {warning}")
    _print_tables(page)
    print(f"\nwritten: {out} and {page_path(out)}")


def _print_tables(page: Page) -> None:
    for section in page.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                print()
                _print_table(block)


def _print_table(table: Table) -> None:
    rows = [tuple(table.columns), *map(tuple, table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    for row in rows:
        first, *others = row
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join([f"{first:<{widths[0]}}", *cells]).rstrip())
