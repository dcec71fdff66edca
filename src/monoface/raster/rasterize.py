"""First verb: which triangle each pixel shows, and where on it."""

from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from monoface.core.arrays import Array, namespace, numpy_of
from monoface.raster._backends import backend_for
from monoface.raster.fragments import Fragments

Cull = Literal["back", "none"]


def rasterize(
    verts_px: Float[Array, "batch verts 3"],
    faces: Int[Array, "faces 3"],
    size: tuple[int, int],
    *,
    perspective: bool = False,
    cull: Cull = "back",
) -> Fragments:
    """Finds the nearest triangle at each pixel's centre.

    Vertices are rounded to 1/256 pixel first, so results are the same on every backend; gradients
    pass as if they were not. Each pixel on a shared edge belongs to exactly one of the two triangles.
    Triangles without area, with a vertex that is not finite or more than two million pixels away,
    and, with `perspective`, with a vertex at or behind the camera's plane are not drawn.

    Args:
        verts_px: x and y in pixels (the first pixel's centre is at 0.5, 0.5), and depth, which grows
            away from the viewer. float32 or float64.
        faces: Vertex indices, int64; front faces are counter-clockwise as seen.
        size: Height and width of the picture.
        perspective: Whether depth is the distance along the axis of a pinhole camera. Barycentrics
            are then those of the triangle in space; else of its picture, which is the same thing for
            orthographic and weak-perspective cameras.
        cull: "back" drops triangles seen from behind; "none" draws both sides.

    Returns:
        Face index, barycentrics and depth at pixels. At equal depth, compared in float32, the lowest
        face index wins.

    Raises:
        ValueError: If shapes or types do not fit, or a face names a vertex that does not exist.
    """
    _check(verts_px, faces, size, cull)
    backend = backend_for(verts_px)
    return backend.rasterize(verts_px, faces, size, perspective=perspective, cull_back=cull == "back")


def check_faces(faces: Any, count: int) -> None:
    """Refuses faces that are not int64 rows of three indices below `count`."""
    if faces.dtype != namespace(faces).int64 or faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(
            f"faces: expected int64 of shape (faces, 3), got {faces.dtype} of {tuple(faces.shape)}"
        )
    if len(faces) == 0:
        return
    # On the CPU numpy does it: after a parallel operation of torch its threads spin for a while, on the
    # cores that the kernels are about to need.
    bounds = faces.aminmax() if _is_elsewhere(faces) else (numpy_of(faces).min(), numpy_of(faces).max())
    least, largest = (int(bound) for bound in bounds)
    if least < 0 or largest >= count:
        raise ValueError(f"faces: expected vertex indices from 0 to {count - 1}, got {least} to {largest}")


def check_floats(name: str, tensor: Any, last: int | None = None) -> None:
    """Refuses what is not (batch, items, channels) of float32 or float64."""
    xp = namespace(tensor)
    if tensor.dtype not in (xp.float32, xp.float64):
        raise ValueError(f"{name}: expected float32 or float64, got {tensor.dtype}; convert it first")
    if tensor.ndim != 3 or (last is not None and tensor.shape[-1] != last):
        raise ValueError(f"{name}: expected (batch, verts, {last or 'channels'}), got {tuple(tensor.shape)}")


def _check(verts_px: Any, faces: Any, size: tuple[int, int], cull: str) -> None:
    check_floats("verts_px", verts_px, last=3)
    check_faces(faces, verts_px.shape[1])
    if min(size) < 1 or max(size) > 1 << 16:
        raise ValueError(f"size: expected a height and a width from 1 to 65536, got {size}")
    if cull not in ("back", "none"):
        raise ValueError(f'cull: expected "back" or "none", got {cull!r}')


def _is_elsewhere(array: Any) -> bool:
    """Whether it is a tensor on another device than the CPU."""
    return not isinstance(array, np.ndarray) and array.device.type != "cpu"
