"""`monoface evaluate views --out REPORT`: heads that are drawn in several cameras."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.synthetic.views import EvaluateViewsConfig
from monoface.evaluation.synthetic.views import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateViewsConfig, prog="monoface evaluate views", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
