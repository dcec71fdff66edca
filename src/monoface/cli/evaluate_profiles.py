"""`monoface evaluate profiles --data DIR --out REPORT`: shapes on people's profiles."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.people.profiles import EvaluateProfilesConfig
from monoface.evaluation.people.profiles import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateProfilesConfig, prog="monoface evaluate profiles", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
