"""`monoface evaluate aflw-lfpa --data DIR --out REPORT`: 34 points at large poses, visible ones."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.landmarks.aflw_lfpa import EvaluateAflwLfpaConfig
from monoface.evaluation.landmarks.aflw_lfpa import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateAflwLfpaConfig, prog="monoface evaluate aflw-lfpa", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
