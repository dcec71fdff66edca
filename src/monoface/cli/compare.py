"""`monoface evaluate compare A.json B.json`: two reports of one benchmark, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from monoface.cli.evaluate import print_page
from monoface.core.files import refuse_existing, write_atomically
from monoface.evaluation.reports.comparison import compare_reports
from monoface.evaluation.reports.page import page_html


@dataclass(frozen=True)
class CompareConfig:
    """Two reports of one benchmark, compared case by case.

    Attributes:
        first: JSON file of a report.
        second: JSON file of another report.
        out: HTML page to write; only printed by default.
        overwrite: Replace the page if it exists.
    """

    first: tyro.conf.Positional[Path]
    second: tyro.conf.Positional[Path]
    out: Path | None = None
    overwrite: bool = False


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(CompareConfig, prog="monoface evaluate compare", args=list(arguments))
    if config.out is not None and not config.overwrite:
        refuse_existing(config.out)
    page = compare_reports(config.first, config.second).page()
    print_page(page)
    if config.out is not None:
        write_atomically(config.out, page_html(page), overwrite=config.overwrite)
        print(f"\nwritten: {config.out}")
    return 0
