"""Triangles: areas, orientation and normals.

Front faces are counter-clockwise seen from outside, in every frame of the project: model and camera
frames are both right-handed. Pixels have y down, so there a front face has negative signed area.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from monoface.core.arrays import Array, namespace

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any


def signed_areas_px(
    points_px: Float[Array, "*batch points 2"], faces: Int[Array, "faces 3"]
) -> Float[Array, "*batch faces"]:
    """Signed areas in square pixels: negative for front faces, positive for back faces.

    Zero for a triangle seen edge-on. This sign alone decides what faces the viewer.
    """
    first, second, third = (points_px[..., faces[:, corner], :] for corner in range(3))
    one, other = second - first, third - first
    return 0.5 * (one[..., 0] * other[..., 1] - other[..., 0] * one[..., 1])


def triangle_areas(
    verts: Float[Tensor, "*batch verts 3"], faces: Int[Tensor, "faces 3"]
) -> Float[Tensor, "*batch faces"]:
    """Areas, in the square of the vertices' unit; zero, with zero gradient, for degenerate triangles."""
    return 0.5 * _safe_norm(_double_area_vectors(verts.movedim(-2, 0), faces)).movedim(0, -1)


def triangle_normals(
    verts: Float[Tensor, "*batch verts 3"], faces: Int[Tensor, "faces 3"]
) -> Float[Tensor, "*batch faces 3"]:
    """Unit normals, outwards; the zero vector, with zero gradient, for degenerate triangles."""
    return normalize_or_zero(_double_area_vectors(verts.movedim(-2, 0), faces)).movedim(0, -2)


def vertex_normals(
    verts: Float[Array, "*batch verts 3"],
    faces: Int[Array, "faces 3"],
    weld: Int[Array, " verts"] | None = None,
) -> Float[Array, "*batch verts 3"]:
    """Unit normals at vertices: the mean of the adjacent triangles' normals, weighted by their areas.

    Args:
        verts: Vertices in any right-handed frame and unit.
        faces: Vertex indices, counter-clockwise seen from outside.
        weld: For each vertex, the one vertex that stands for all at its place. Vertices doubled along
            a texture seam then share one normal, and the seam does not show.

    Returns:
        Normals in the frame of the vertices; the zero vector, with zero gradient, for vertices of no
        triangle or of degenerate ones only.
    """
    batched = verts.reshape((-1, *verts.shape[-2:]))
    weld = namespace(faces).arange(verts.shape[-2], device=faces.device) if weld is None else weld
    if isinstance(verts, np.ndarray):
        from monoface.geometry.fused import arrays as fused

        return fused.vertex_normals(batched, faces, weld)[0].reshape(verts.shape)
    if _is_fusable(verts):
        from monoface.geometry.fused.autograd import FusedVertexNormals

        return FusedVertexNormals.apply(batched, faces, weld).reshape(verts.shape)
    return vertex_normals_reference(batched, faces, weld).reshape(verts.shape)


def vertex_normals_reference(
    verts: Float[Tensor, "batch verts 3"], faces: Int[Tensor, "faces 3"], weld: Int[Tensor, " verts"]
) -> Float[Tensor, "batch verts 3"]:
    """The definition of `vertex_normals` in plain PyTorch, for any device and for tests."""
    # Rows of a whole batch are gathered and added at once: three times as fast as one axis later.
    rows = verts.transpose(0, 1)
    area_vectors = _double_area_vectors(rows, faces)
    summed = rows.new_zeros(rows.shape)
    for corner in range(3):
        summed = summed.index_add(0, weld[faces[:, corner]], area_vectors)
    return normalize_or_zero_reference(summed)[weld].transpose(0, 1)


def normalize_or_zero(vectors: Float[Array, "*batch 3"]) -> Float[Array, "*batch 3"]:
    """Vectors scaled to unit length; the zero vector stays zero, with zero gradient."""
    if isinstance(vectors, np.ndarray):
        from monoface.geometry.fused import arrays as fused

        return fused.normalize(vectors.reshape(-1, 3))[0].reshape(vectors.shape)
    if _is_fusable(vectors):
        from monoface.geometry.fused.autograd import FusedNormalize

        return FusedNormalize.apply(vectors.reshape(-1, 3)).reshape(vectors.shape)
    return normalize_or_zero_reference(vectors)


def normalize_or_zero_reference(vectors: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """The definition of `normalize_or_zero` in plain PyTorch, for any device and for tests."""
    xp, squared = namespace(vectors), vectors.square().sum(dim=-1, keepdim=True)
    positive = squared > 0
    inverse = xp.where(positive, squared, xp.ones_like(squared)).rsqrt()
    return vectors * xp.where(positive, inverse, xp.zeros_like(inverse))


def connected_parts(faces: Int[Tensor, "faces 3"], verts: int) -> Int[Tensor, " verts"]:
    """For each vertex the lowest vertex that it is connected to, over triangles with common vertices."""
    xp = namespace(faces)
    label = xp.arange(verts, device=faces.device)
    while True:
        lowest = label[faces].amin(dim=1)
        smaller = label.clone()
        for corner in range(3):
            smaller.scatter_reduce_(0, faces[:, corner], lowest, "amin")
        # Labels are vertices: following them twice as far each time takes few rounds.
        smaller = smaller[smaller]
        if xp.equal(smaller, label):
            return label
        label = smaller


def _is_fusable(tensor: Tensor) -> bool:
    """Whether compiled kernels take it; they are imported late, because numba takes half a second."""
    xp = namespace(tensor)
    return tensor.device.type == "cpu" and tensor.dtype in (xp.float32, xp.float64)


def _double_area_vectors(
    rows: Float[Tensor, "verts *batch 3"], faces: Tensor
) -> Float[Tensor, "faces *batch 3"]:
    first, second, third = (rows.index_select(0, faces[:, corner]) for corner in range(3))
    return namespace(rows).linalg.cross(second - first, third - first)


def _safe_norm(vectors: Tensor) -> Tensor:
    xp, squared = namespace(vectors), vectors.square().sum(dim=-1)
    positive = squared > 0
    length = xp.where(positive, squared, xp.ones_like(squared)).sqrt()
    return xp.where(positive, length, xp.zeros_like(length))
