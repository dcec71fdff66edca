"""`monoface evaluate consistency --data DIR --out REPORT`: one person in several photos."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.people.consistency import EvaluateConsistencyConfig
from monoface.evaluation.people.consistency import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateConsistencyConfig, prog="monoface evaluate consistency", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
