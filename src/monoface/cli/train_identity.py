"""`monoface train identity --data DIR --out DIR`: from photos of known people to an encoder with its card."""

from collections.abc import Sequence

import tyro

from monoface.training.identity.train import TrainIdentityConfig, train_identity


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    config = tyro.cli(TrainIdentityConfig, prog="monoface train identity", args=list(arguments))
    path = train_identity(config, lambda line: print(line, flush=True))
    print(f"written: {path}")
    return 0
