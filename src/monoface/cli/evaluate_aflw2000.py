"""`monoface evaluate aflw2000 --data DIR --out REPORT`: landmark errors by yaw."""

from collections.abc import Mapping, Sequence

import tyro

from monoface.evaluation.aflw2000 import EvaluateAflw2000Config
from monoface.evaluation.aflw2000 import run as evaluate
from monoface.metrics import Interval


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateAflw2000Config, prog="monoface evaluate aflw2000", args=list(arguments))
    report = evaluate(config)
    print(report.benchmark)
    print(f"box: {report.setup.box}; passes: {report.setup.passes}; yaw: {report.yaw_split}")
    if report.setup.landmark_map != "none":
        print(f"landmark map: {report.setup.landmark_map}")
    print(f"normaliser: {report.normaliser}; without a prediction: {len(report.failures)}")
    _print_table("NME in %, original annotation", report.nme_percent, report.nme_percent_interval_95)
    if report.nme_percent_reannotated and report.nme_percent_reannotated_interval_95:
        intervals = report.nme_percent_reannotated_interval_95
        _print_table("NME in %, re-annotated points", report.nme_percent_reannotated, intervals)
    print(f"written: {config.out}")
    return 0


def _print_table(title: str, figures: Mapping[str, float], intervals: Mapping[str, Interval]) -> None:
    print(f"\n{title} (95 % interval)")
    for name, value in figures.items():
        interval = intervals.get(name)
        spread = f"  ({interval.low:.2f} to {interval.high:.2f})" if interval else ""
        print(f"  {name:<11}{value:6.2f}{spread}")
