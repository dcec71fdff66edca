"""Training: the loop, checkpoints, averaged weights, logs, and a table of the methods that they train."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monoface.training.engine.loop import TrainConfig, TrainedNetworks, train

__all__ = ["TrainConfig", "TrainedNetworks", "train"]


def __getattr__(name: str) -> Any:
    # Loaded when first used: the table of methods alone needs neither torch nor the `train` extra.
    if name in __all__:
        return getattr(import_module("monoface.training.engine.loop"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
