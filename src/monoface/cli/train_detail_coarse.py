"""`monoface train detail-coarse --data DIR --out DIR --init WEIGHTS`: faces that wrinkles are found on."""

from collections.abc import Sequence

from monoface.cli.training_run import run_training
from monoface.training.regressors.detail_coarse import TrainDetailCoarseConfig, train_detail_coarse


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    return run_training(TrainDetailCoarseConfig, train_detail_coarse, arguments)
