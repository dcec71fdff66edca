"""`monoface train detail --data DIR --out DIR`: the fine stage, wrinkles as a displacement map."""

from collections.abc import Sequence

import tyro

from monoface.cli.named_numbers import NAMED_NUMBERS
from monoface.training.detail.train import TrainDetailConfig, train_detail


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    with NAMED_NUMBERS:
        config = tyro.cli(TrainDetailConfig, prog="monoface train detail", args=list(arguments))
    path = train_detail(config, lambda line: print(line, flush=True))
    print(f"written: {path}")
    print(f"use it: monoface reconstruct PHOTO… --out DIR --detail --detail-weights {path}")
    return 0
