"""`monoface evaluate micc --data DIR --predictions DIR --out REPORT`: meshes against MICC scans."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.scans.micc import EvaluateMiccConfig
from monoface.evaluation.scans.micc import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateMiccConfig, prog="monoface evaluate micc", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
