"""`monoface evaluate scan --data DIR --out REPORT`: photos rendered from a head scan."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.scans.scan import EvaluateScanConfig
from monoface.evaluation.scans.scan import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateScanConfig, prog="monoface evaluate scan", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
