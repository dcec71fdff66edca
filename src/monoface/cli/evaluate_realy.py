"""`monoface evaluate realy --data DIR --predictions DIR --out REPORT`: meshes against REALY's regions."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.scans.realy import EvaluateRealyConfig
from monoface.evaluation.scans.realy import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateRealyConfig, prog="monoface evaluate realy", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
