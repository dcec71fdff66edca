"""`monoface evaluate aflw --data DIR --out REPORT`: errors of the visible ones of 21 landmarks."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.landmarks.aflw import EvaluateAflwConfig
from monoface.evaluation.landmarks.aflw import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateAflwConfig, prog="monoface evaluate aflw", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
