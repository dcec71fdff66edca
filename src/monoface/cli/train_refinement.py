"""`monoface train refinement --weights FILE --data DIR --people DIR`: how faces are measured at the end."""

from collections.abc import Sequence

import tyro

from monoface.training.refinement_run import TrainRefinementConfig, train_refinement


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(TrainRefinementConfig, prog="monoface train refinement", args=list(arguments))
    found = train_refinement(config, lambda line: print(line, flush=True))
    print(f"discount {found.config.discount:g}; written: {config.weights}")
    return 0
