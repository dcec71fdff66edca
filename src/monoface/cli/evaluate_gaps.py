"""`monoface evaluate gaps --data DIR --out REPORT`: openings of mouth and eyes against marked ones."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.landmarks.gaps import EvaluateGapsConfig
from monoface.evaluation.landmarks.gaps import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateGapsConfig, prog="monoface evaluate gaps", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
