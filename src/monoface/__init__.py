"""One photo in, a posed, textured, animatable 3D face out."""

from importlib.metadata import version

__version__ = version("monoface")

__all__ = ["__version__"]
