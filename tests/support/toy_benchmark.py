"""A benchmark in one file: how far predicted numbers are from true ones."""

from dataclasses import dataclass
from pathlib import Path

from monoface.evaluation.reports.cases import Case, Measure
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import Definition
from monoface.evaluation.reports.report import refuse_existing_results, write_results

MEASURES = (Measure("error", "error", "units"),)


@dataclass(frozen=True)
class EvaluateToyConfig:
    """What is measured, and where the report goes.

    Attributes:
        out: JSON file to write; the page goes beside it, as .html.
        offset: By how much predictions are off.
    """

    out: Path
    offset: float = 0.5


def run(config: EvaluateToyConfig) -> CasesReport:
    """Measure three numbers; write the report and its page."""
    refuse_existing_results(config.out, overwrite=False)
    cases = [Case(f"number{place}", errors={"error": config.offset * place}) for place in range(3)]
    definition = Definition("three numbers", "their error", "", "none", "over numbers", "none", "ours")
    report = make_report("toy numbers", definition, MEASURES, cases)
    write_results(report, config.out)
    return report
