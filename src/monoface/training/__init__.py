"""Training: the loop, checkpoints, averaged weights, logs. It knows methods by their contract only."""

from monoface.training.engine.loop import TrainConfig, TrainedNetworks, train

__all__ = ["TrainConfig", "TrainedNetworks", "train"]
