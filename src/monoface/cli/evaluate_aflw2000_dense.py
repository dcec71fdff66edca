"""`monoface evaluate aflw2000-dense`: all vertices of the fitted meshes of AFLW2000-3D."""

from collections.abc import Sequence

import tyro

from monoface.cli.evaluation_output import print_results
from monoface.evaluation.landmarks.aflw2000_dense import EvaluateAflw2000DenseConfig
from monoface.evaluation.landmarks.aflw2000_dense import run as evaluate


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(
        EvaluateAflw2000DenseConfig, prog="monoface evaluate aflw2000-dense", args=list(arguments)
    )
    print_results(evaluate(config), config.out)
    return 0
