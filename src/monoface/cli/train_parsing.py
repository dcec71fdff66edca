"""`monoface train parsing --data DIR --out DIR`: the face parser, from masks to weights with their card."""

from collections.abc import Sequence

import tyro

from monoface.cli.named_numbers import NAMED_NUMBERS
from monoface.training.parsing.train import TrainParsingConfig, train_parsing


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    with NAMED_NUMBERS:
        config = tyro.cli(TrainParsingConfig, prog="monoface train parsing", args=list(arguments))
    path = train_parsing(config, lambda line: print(line, flush=True))
    print(f"written: {path}")
    return 0
