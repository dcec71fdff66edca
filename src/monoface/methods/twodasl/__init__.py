"""2DASL: landmarks as input, self-supervision by looking twice, and a critic of coefficients."""

from monoface.methods.twodasl.config import (
    LANDMARK_WEIGHTS,
    MapTrainingConfig,
    SelfTermsConfig,
    TwoDaslConfig,
)
from monoface.methods.twodasl.method import TwoDasl
from monoface.methods.twodasl.self_terms import SelfTerms

__all__ = [
    "LANDMARK_WEIGHTS",
    "MapTrainingConfig",
    "SelfTerms",
    "SelfTermsConfig",
    "TwoDasl",
    "TwoDaslConfig",
]
