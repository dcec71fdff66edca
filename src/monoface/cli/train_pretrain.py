"""`monoface train pretrain --data DIR --out DIR`: from data sets to weights with their model card."""

from collections.abc import Sequence

from monoface.cli.training_run import run_training
from monoface.training.regressors.pretrain import TrainPretrainConfig, train_pretrain


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    return run_training(TrainPretrainConfig, train_pretrain, arguments)
