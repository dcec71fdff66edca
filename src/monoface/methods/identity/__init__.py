"""Training of the identity encoder: telling people apart."""

from monoface.methods.identity.config import IdentityConfig
from monoface.methods.identity.method import Identity, IdentityClassifier

__all__ = ["Identity", "IdentityClassifier", "IdentityConfig"]
