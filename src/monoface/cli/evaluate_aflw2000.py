"""`monoface evaluate aflw2000 --data DIR --out REPORT`: landmark errors by yaw."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.landmarks.aflw2000 import EvaluateAflw2000Config
from monoface.evaluation.landmarks.aflw2000 import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateAflw2000Config, prog="monoface evaluate aflw2000", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
