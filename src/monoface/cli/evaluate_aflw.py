"""`monoface evaluate aflw --data DIR --out REPORT`: errors of the visible ones of 21 landmarks."""

from collections.abc import Sequence

import tyro

from monoface.evaluation.aflw import EvaluateAflwConfig
from monoface.evaluation.aflw import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateAflwConfig, prog="monoface evaluate aflw", args=list(arguments))
    report = evaluate(config)
    interval = report.nme_percent_interval_95
    print(f"{report.benchmark}; split: {report.split}")
    print(f"normaliser: {report.normaliser}; without a prediction: {len(report.failures)}")
    spread = f"({interval.low:.2f} to {interval.high:.2f})"
    print(f"\nNME in % (95 % interval)  {report.nme_percent:.2f}  {spread}")
    for name, value in report.nme_percent_by_point.items():
        print(f"  {name:<20}{value:6.2f}  in {report.visible_by_point[name]} photos")
    print(f"written: {config.out}")
    return 0
