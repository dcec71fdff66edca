"""`monoface evaluate people --data DIR --out REPORT`: does shape tell people apart."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.people.people import EvaluatePeopleConfig
from monoface.evaluation.people.people import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluatePeopleConfig, prog="monoface evaluate people", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
