"""`monoface train mgcnet --data DIR --out DIR --init WEIGHTS`: a regressor that learns from several views."""

from collections.abc import Sequence

import tyro

from monoface.cli.named_numbers import NAMED_NUMBERS
from monoface.training.mgcnet import TrainMgcnetConfig, train_mgcnet


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    with NAMED_NUMBERS:
        config = tyro.cli(TrainMgcnetConfig, prog="monoface train mgcnet", args=list(arguments))
    path = train_mgcnet(config, lambda line: print(line, flush=True))
    print(f"written: {path}")
    print(f"use it: monoface reconstruct PHOTO… --out DIR --weights {path}")
    return 0
