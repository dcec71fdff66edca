"""`monoface train pretrain --data DIR --out DIR`: from data sets to weights with their model card."""

from collections.abc import Sequence

import tyro

from monoface.cli.named_numbers import NAMED_NUMBERS
from monoface.training.pretrain import TrainPretrainConfig, train_pretrain


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    with NAMED_NUMBERS:
        config = tyro.cli(TrainPretrainConfig, prog="monoface train pretrain", args=list(arguments))
    path = train_pretrain(config, lambda line: print(line, flush=True))
    print(f"written: {path}")
    print(f"use it: monoface reconstruct PHOTO… --out DIR --weights {path}")
    return 0
