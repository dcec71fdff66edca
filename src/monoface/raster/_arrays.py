"""Rasterising and interpolating numpy arrays by compiled kernels: what inference needs, and forward passes.

`_reference` defines what these compute; both agree bit for bit. The kernels are in `_numba.kernels`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
from jaxtyping import Float, Int, Int32

from monoface.core.arrays import Array
from monoface.core.kernels.threads import band_limits, count_bands, run_for_each
from monoface.raster._numba import kernels
from monoface.raster.fragments import Fragments

NewArray = Callable[..., Any]
"""Makes an array from a shape and a type, as `numpy.empty` does."""


@dataclass(frozen=True, eq=False)
class Rasterized(Generic[Array]):
    """Fragments, and what a backward pass needs besides.

    Attributes:
        grid: Vertices on the grid of parts of a pixel.
        linear: What is linear in the picture: depth, or one over it.
        fragments: See `Fragments`.
    """

    grid: Int32[Array, "batch verts 2"]
    linear: Float[Array, "batch verts"]
    fragments: Fragments


def rasterize(
    verts_px: np.ndarray, faces: np.ndarray, size: tuple[int, int], *, perspective: bool, cull_back: bool
) -> Fragments:
    """See `monoface.raster.rasterize`."""
    return rasterize_into(np.empty, verts_px, faces, size, perspective, cull_back).fragments


def rasterize_into(
    new: NewArray,
    verts_px: Float[np.ndarray, "batch verts 3"],
    faces: Int[np.ndarray, "faces 3"],
    size: tuple[int, int],
    perspective: bool,
    cull_back: bool,
) -> Rasterized:
    """The same in arrays that `new` makes."""
    batch, count, _ = verts_px.shape
    verts, corners = np.ascontiguousarray(verts_px), np.ascontiguousarray(faces)
    grid, linear = new((batch, count, 2), np.int32), new((batch, count), verts.dtype)
    face_index = new((batch, *size), np.int64)
    barycentric, depth = new((batch, *size, 3), verts.dtype), new((batch, *size), verts.dtype)
    outputs = face_index, barycentric, depth

    def snap(b: int) -> None:
        kernels.snap(verts[b], perspective, grid[b], linear[b])

    def fill(task: tuple[int, tuple[int, int]]) -> None:
        b, (top, bottom) = task
        band = [array[b, top:bottom] for array in outputs]
        kernels.rasterize(grid[b], linear[b], corners, perspective, cull_back, top, *band)

    limits = band_limits(size[0], count_bands(batch))
    run_for_each(snap, range(batch))
    run_for_each(fill, [(b, band) for b in range(batch) for band in limits])
    return Rasterized(grid, linear, Fragments(*outputs))


def interpolate(attributes: np.ndarray, faces: np.ndarray, fragments: Fragments) -> np.ndarray:
    """See `monoface.raster.interpolate`."""
    return interpolate_into(np.empty, attributes, fragments.barycentric, faces, fragments.face_index)


def interpolate_into(
    new: NewArray,
    attributes: Float[np.ndarray, "batch verts channels"],
    barycentric: Float[np.ndarray, "batch height width 3"],
    faces: Int[np.ndarray, "faces 3"],
    face_index: Int[np.ndarray, "batch height width"],
) -> Float[np.ndarray, "batch height width channels"]:
    """The same in an array that `new` makes."""
    batch, height, width = face_index.shape
    result = new((batch, height, width, attributes.shape[-1]), attributes.dtype)
    values = [np.ascontiguousarray(one) for one in attributes]
    corners = np.ascontiguousarray(faces)
    pixels = np.ascontiguousarray(face_index), np.ascontiguousarray(barycentric), result

    def blend(task: tuple[int, tuple[int, int]]) -> None:
        b, (top, bottom) = task
        kernels.blend(values[b], corners, *[array[b, top:bottom] for array in pixels])

    limits = band_limits(height, count_bands(batch))
    run_for_each(blend, [(b, band) for b in range(batch) for band in limits])
    return result
