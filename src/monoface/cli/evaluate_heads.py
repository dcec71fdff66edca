"""`monoface evaluate heads --out REPORT`: heads that are drawn, so that all is known of them."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.synthetic.heads import EvaluateHeadsConfig
from monoface.evaluation.synthetic.heads import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateHeadsConfig, prog="monoface evaluate heads", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
