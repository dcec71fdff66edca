"""How the commands that train regressors run and what they say at the end."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import tyro

from monoface.cli.named_numbers import NAMED_NUMBERS
from monoface.training.regressors.configs import RegressorRunConfig

Config = TypeVar("Config", bound=RegressorRunConfig)


def run_training(
    config_type: type[Config],
    train: Callable[[Config, Callable[[str], None]], Path],
    arguments: Sequence[str],
) -> int:
    """Read the configuration from the words after the command's name, and train."""
    with NAMED_NUMBERS:
        config = tyro.cli(config_type, prog=f"monoface train {config_type.METHOD}", args=list(arguments))
    path = train(config, lambda line: print(line, flush=True))
    print(f"written: {path}")
    print(f"use it: monoface reconstruct PHOTO… --out DIR --weights {path}")
    return 0
