"""`monoface train twodasl --data DIR --out DIR --init WEIGHTS`: a regressor that sees landmarks."""

from collections.abc import Sequence

import tyro

from monoface.cli.named_numbers import NAMED_NUMBERS
from monoface.training.twodasl import TrainTwoDaslConfig, train_twodasl


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    with NAMED_NUMBERS:
        config = tyro.cli(TrainTwoDaslConfig, prog="monoface train twodasl", args=list(arguments))
    path = train_twodasl(config, lambda line: print(line, flush=True))
    print(f"written: {path}")
    print(f"use it: monoface reconstruct PHOTO… --out DIR --weights {path}")
    return 0
