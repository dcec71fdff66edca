"""Differentiable rasterising of any triangle mesh: from pixel-space vertices to what pixels see.

`rasterize` finds the visible triangles, `interpolate` carries vertex attributes to pixels. No camera
in here: vertices come projected, with their depth.
"""

from monoface.raster._backends import use_backend
from monoface.raster.fragments import Fragments
from monoface.raster.interpolate import interpolate
from monoface.raster.rasterize import rasterize

__all__ = ["Fragments", "interpolate", "rasterize", "use_backend"]
