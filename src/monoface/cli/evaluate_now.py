"""`monoface evaluate now --data DIR --out REPORT`: neutral meshes against face scans."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.scans.now import EvaluateNowConfig
from monoface.evaluation.scans.now import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateNowConfig, prog="monoface evaluate now", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
