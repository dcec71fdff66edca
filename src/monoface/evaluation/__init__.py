"""Benchmarks: one file each, and the reports that they write."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monoface.evaluation.reconstructed import ReconstructedFaces
    from monoface.evaluation.reports.cases import Case, Measure
    from monoface.evaluation.reports.cases_report import CasesReport
    from monoface.evaluation.reports.comparison import Comparison, compare_reports
    from monoface.evaluation.reports.definition import BenchmarkReport, Definition, Finding
    from monoface.evaluation.reports.report import as_json, write_results

__all__ = [
    "BenchmarkReport",
    "Case",
    "CasesReport",
    "Comparison",
    "Definition",
    "Finding",
    "Measure",
    "ReconstructedFaces",
    "as_json",
    "compare_reports",
    "write_results",
]

_MODULES = {
    "ReconstructedFaces": "reconstructed",
    "Case": "reports.cases",
    "CasesReport": "reports.cases_report",
    "Measure": "reports.cases",
    "Comparison": "reports.comparison",
    "compare_reports": "reports.comparison",
    "BenchmarkReport": "reports.definition",
    "Definition": "reports.definition",
    "Finding": "reports.definition",
    "as_json": "reports.report",
    "write_results": "reports.report",
}


def __getattr__(name: str) -> Any:
    # Loaded when first used, so that one benchmark does not import what only another needs.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
