"""The eye network: how far each eye is open, and where it looks."""

from monoface.methods.eyes.config import EyesConfig
from monoface.methods.eyes.method import EyeReading

__all__ = ["EyeReading", "EyesConfig"]
