"""`monoface evaluate blendshapes --table FILE --out REPORT`: expressions against a table of labels."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.people.blendshapes import EvaluateBlendshapesConfig
from monoface.evaluation.people.blendshapes import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(EvaluateBlendshapesConfig, prog="monoface evaluate blendshapes", args=list(arguments))
    print_results(evaluate(config), config.out)
    return 0
