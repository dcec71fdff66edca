"""`monoface train mgcnet --data DIR --out DIR --init WEIGHTS`: a regressor that learns from several views."""

from collections.abc import Sequence

from monoface.cli.training_run import run_training
from monoface.training.regressors.mgcnet import TrainMgcnetConfig, train_mgcnet


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    return run_training(TrainMgcnetConfig, train_mgcnet, arguments)
