"""`monoface train twodasl --data DIR --out DIR --init WEIGHTS`: a regressor that sees landmarks."""

from collections.abc import Sequence

from monoface.cli.training_run import run_training
from monoface.training.regressors.twodasl import TrainTwoDaslConfig, train_twodasl


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    return run_training(TrainTwoDaslConfig, train_twodasl, arguments)
