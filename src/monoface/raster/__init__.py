"""Differentiable rasterising of any triangle mesh: from pixel-space vertices to what pixels see.

In pipeline order: `rasterize` finds the visible triangles, `interpolate` carries vertex attributes to
pixels, `texture` looks colours up, `antialias` smooths silhouettes. No camera in here: vertices come
projected, with their depth.
"""

from typing import TYPE_CHECKING

from monoface.core.on_demand import names_on_demand
from monoface.raster._backends import use_backend
from monoface.raster.fragments import Fragments
from monoface.raster.interpolate import interpolate
from monoface.raster.rasterize import rasterize

if TYPE_CHECKING:
    from monoface.raster.antialias import antialias
    from monoface.raster.texture import texture, uv_derivatives

__all__ = ["Fragments", "antialias", "interpolate", "rasterize", "texture", "use_backend", "uv_derivatives"]

# These need PyTorch.
__getattr__ = names_on_demand(
    __name__,
    {
        "antialias": "monoface.raster.antialias",
        "texture": "monoface.raster.texture",
        "uv_derivatives": "monoface.raster.texture",
    },
)
