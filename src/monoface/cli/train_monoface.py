"""`monoface train monoface --data DIR --out DIR --recipe.prepared DIR…`: the flagship's weights."""

from collections.abc import Sequence

from monoface.cli.training_run import run_training
from monoface.training.regressors.monoface import TrainMonofaceConfig, train_monoface


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    return run_training(TrainMonofaceConfig, train_monoface, arguments)
