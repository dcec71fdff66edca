"""Normals of numpy arrays by compiled kernels: several times as fast as the operations of `triangles`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from monoface.core.kernels.threads import band_limits, count_bands, run_for_each
from monoface.geometry.fused import _kernels


def vertex_normals(
    verts: Float[np.ndarray, "batch verts 3"],
    faces: Int[np.ndarray, "faces 3"],
    weld: Int[np.ndarray, " verts"],
    new: Callable[..., Any] = np.empty,
) -> tuple[Float[np.ndarray, "batch verts 3"], Float[np.ndarray, "batch verts"]]:
    """Welded, area-weighted vertex normals, and one over the length of the sums that they are.

    Args:
        verts: In float32 or float64.
        faces: Vertex indices.
        weld: See `triangles.vertex_normals`.
        new: Makes arrays for the results, from shape and type.
    """
    normals, inverse_length = new(verts.shape, verts.dtype), new(verts.shape[:2], verts.dtype)
    points, corners, same = (np.ascontiguousarray(array) for array in (verts, faces, weld))

    def compute(b: int) -> None:
        _kernels.sum_normals(points[b], corners, same, inverse_length[b], normals[b])

    run_for_each(compute, range(len(verts)))
    return normals, inverse_length


def normalize(
    vectors: Float[np.ndarray, "points 3"], new: Callable[..., Any] = np.empty
) -> tuple[Float[np.ndarray, "points 3"], Float[np.ndarray, " points"]]:
    """Unit vectors, and one over the lengths; the zero vector stays zero, and so does that.

    Args:
        vectors: In float32 or float64.
        new: See `vertex_normals`.
    """
    unit, inverse_length = new(vectors.shape, vectors.dtype), new((len(vectors),), vectors.dtype)
    arrays = np.ascontiguousarray(vectors), inverse_length, unit
    bands = band_limits(len(vectors), count_bands(1))
    run_for_each(lambda band: _kernels.normalize(*[array[slice(*band)] for array in arrays]), bands)
    return unit, inverse_length
