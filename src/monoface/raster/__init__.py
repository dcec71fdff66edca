"""Differentiable rasterising of any triangle mesh: from pixel-space vertices to what pixels see.

In pipeline order: `rasterize` finds the visible triangles, `interpolate` carries vertex attributes to
pixels, `texture` looks colours up, `antialias` smooths silhouettes. No camera in here: vertices come
projected, with their depth.
"""

from monoface.raster._backends import use_backend
from monoface.raster.antialias import antialias
from monoface.raster.fragments import Fragments
from monoface.raster.interpolate import interpolate
from monoface.raster.rasterize import rasterize
from monoface.raster.texture import texture, uv_derivatives

__all__ = ["Fragments", "antialias", "interpolate", "rasterize", "texture", "use_backend", "uv_derivatives"]
