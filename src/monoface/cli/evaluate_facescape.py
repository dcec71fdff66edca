"""`monoface evaluate facescape --data DIR --predictions DIR --out REPORT`: posed meshes against scans."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.scans.facescape import EvaluateFacescapeConfig
from monoface.evaluation.scans.facescape import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateFacescapeConfig, prog="monoface evaluate facescape", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
