"""The methods that `monoface train` trains: a line for each."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

Run = Callable[[Any, Callable[[str], None]], Path]
"""Trains as configured, or continues where the run's folder ends: from a configuration and what gets a line
about the progress to the path of the weights."""


@dataclass(frozen=True)
class TrainingEntry:
    """A method as the table has it; its module is imported when it is trained, not before.

    Attributes:
        module: Where configuration and function are.
        config: Name of the configuration's class, a dataclass.
        function: Name of the function that trains; see `Run`.
        summary: One line for the list of commands.
        use: Options of `monoface reconstruct` that take the weights; empty where none does.
    """

    module: str
    config: str
    function: str
    summary: str
    use: str = "--weights"

    def load(self) -> tuple[type[Any], Run]:
        """Class of the configuration, and the function that trains.

        Raises:
            ModuleNotFoundError: If what training needs is not installed (`pip install 'monoface[train]'`).
        """
        module = import_module(self.module)
        return getattr(module, self.config), getattr(module, self.function)


_REGRESSORS = "monoface.training.regressors"

METHODS: dict[str, TrainingEntry] = {
    "pretrain": TrainingEntry(
        f"{_REGRESSORS}.pretrain", "TrainPretrainConfig", "train_pretrain", "train the regressor"
    ),
    "twodasl": TrainingEntry(
        f"{_REGRESSORS}.twodasl", "TrainTwoDaslConfig", "train_twodasl", "train it to see landmarks (2DASL)"
    ),
    "mgcnet": TrainingEntry(
        f"{_REGRESSORS}.mgcnet", "TrainMgcnetConfig", "train_mgcnet", "train it on several views (MGCNet)"
    ),
    "monoface": TrainingEntry(
        f"{_REGRESSORS}.monoface",
        "TrainMonofaceConfig",
        "train_monoface",
        "train the flagship, on all terms at once",
    ),
    "parsing": TrainingEntry(
        "monoface.training.parsing.train",
        "TrainParsingConfig",
        "train_parsing",
        "train the face parser",
        use="",
    ),
    "eyes": TrainingEntry(
        "monoface.training.eyes.train",
        "TrainEyesConfig",
        "train_eyes",
        "train the network that reads eyes",
        use="",
    ),
    "identity": TrainingEntry(
        "monoface.training.identity.train",
        "TrainIdentityConfig",
        "train_identity",
        "train the encoder that knows people",
        use="",
    ),
    "detail-coarse": TrainingEntry(
        f"{_REGRESSORS}.detail_coarse",
        "TrainDetailCoarseConfig",
        "train_detail_coarse",
        "train the coarse stage of Detail: faces without wrinkles",
    ),
    "detail": TrainingEntry(
        "monoface.training.detail.train",
        "TrainDetailConfig",
        "train_detail",
        "train the fine stage: wrinkles",
        use="--detail --detail-weights",
    ),
}
"""Methods by the name of their command. `monoface train likeness`, which teaches people to trained weights
and is judged by an evaluation, is no training of a network and has a command of its own."""
