"""The first training: landmarks, coefficients and priors."""

from monoface.methods.pretrain.config import PretrainConfig
from monoface.methods.pretrain.method import Pretrain

__all__ = ["Pretrain", "PretrainConfig"]
