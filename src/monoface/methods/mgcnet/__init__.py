"""MGCNet: geometry, albedo and light of a face, learned from several views of it."""

from monoface.methods.mgcnet.config import MgcnetConfig, ViewTermsConfig
from monoface.methods.mgcnet.method import Mgcnet

__all__ = ["Mgcnet", "MgcnetConfig", "ViewTermsConfig"]
