"""monoface: one regressor that is taught by the terms of all three systems at once."""

from monoface.methods.monoface.config import MonofaceConfig, OpeningConfig, PictureConfig
from monoface.methods.monoface.method import Monoface

__all__ = ["Monoface", "MonofaceConfig", "OpeningConfig", "PictureConfig"]
