"""2DASL: landmarks as input, self-supervision by looking twice, and a critic of coefficients."""

from monoface.methods.twodasl.config import LANDMARK_WEIGHTS, MapTrainingConfig, TwoDaslConfig
from monoface.methods.twodasl.method import TwoDasl

__all__ = ["LANDMARK_WEIGHTS", "MapTrainingConfig", "TwoDasl", "TwoDaslConfig"]
