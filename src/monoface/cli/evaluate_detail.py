"""`monoface evaluate detail --out REPORT`: wrinkles against the truth, on drawn heads."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.synthetic.detail import EvaluateDetailConfig
from monoface.evaluation.synthetic.detail import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateDetailConfig, prog="monoface evaluate detail", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
