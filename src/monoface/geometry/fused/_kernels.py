"""Serial numba kernels over one mesh, for `triangles`."""

import numba
import numpy as np

from monoface.core.kernels.compiled import Array, kernel


@kernel
def sum_normals(verts: Array, faces: Array, weld: Array, inverse_length: Array, normals: Array) -> None:
    """Unit sums of adjacent area vectors, and one over the sums' lengths (0 for a zero sum)."""
    normals[:] = 0
    for f in range(len(faces)):
        v0, v1, v2 = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = verts[v1, 0] - verts[v0, 0], verts[v1, 1] - verts[v0, 1], verts[v1, 2] - verts[v0, 2]
        wx, wy, wz = verts[v2, 0] - verts[v0, 0], verts[v2, 1] - verts[v0, 1], verts[v2, 2] - verts[v0, 2]
        ax, ay, az = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
        for corner in range(3):
            v = weld[faces[f, corner]]
            normals[v, 0] += ax
            normals[v, 1] += ay
            normals[v, 2] += az
    for v in range(len(normals)):
        if weld[v] == v:
            squared = normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2
            scale = 1 / np.sqrt(squared) if squared > 0 else squared * 0
            inverse_length[v] = scale
            for c in range(3):
                normals[v, c] *= scale
    for v in range(len(normals)):
        for c in range(3):
            normals[v, c] = normals[weld[v], c]


@kernel
def sum_normals_backward(
    verts: Array, faces: Array, weld: Array, inverse_length: Array, normals: Array, grad_normals: Array,
    grad_sums: Array, grad_verts: Array,
) -> None:  # fmt: skip
    """Adds the gradient of `sum_normals` to `grad_verts`; `grad_sums` is room to work in, zero at first."""
    for v in range(len(verts)):
        along = numba.float64(0)
        for c in range(3):
            along += grad_normals[v, c] * normals[v, c]
        for c in range(3):
            across = grad_normals[v, c] - along * normals[v, c]
            grad_sums[weld[v], c] += across * inverse_length[weld[v]]
    for f in range(len(faces)):
        v0, v1, v2 = faces[f, 0], faces[f, 1], faces[f, 2]
        s0, s1, s2 = weld[v0], weld[v1], weld[v2]
        gx = grad_sums[s0, 0] + grad_sums[s1, 0] + grad_sums[s2, 0]
        gy = grad_sums[s0, 1] + grad_sums[s1, 1] + grad_sums[s2, 1]
        gz = grad_sums[s0, 2] + grad_sums[s1, 2] + grad_sums[s2, 2]
        ux, uy, uz = verts[v1, 0] - verts[v0, 0], verts[v1, 1] - verts[v0, 1], verts[v1, 2] - verts[v0, 2]
        wx, wy, wz = verts[v2, 0] - verts[v0, 0], verts[v2, 1] - verts[v0, 1], verts[v2, 2] - verts[v0, 2]
        # The area vector is u x w; its gradient goes to u as w x g and to w as g x u.
        d1x, d1y, d1z = wy * gz - wz * gy, wz * gx - wx * gz, wx * gy - wy * gx
        d2x, d2y, d2z = gy * uz - gz * uy, gz * ux - gx * uz, gx * uy - gy * ux
        grad_verts[v1, 0] += d1x
        grad_verts[v1, 1] += d1y
        grad_verts[v1, 2] += d1z
        grad_verts[v2, 0] += d2x
        grad_verts[v2, 1] += d2y
        grad_verts[v2, 2] += d2z
        grad_verts[v0, 0] -= d1x + d2x
        grad_verts[v0, 1] -= d1y + d2y
        grad_verts[v0, 2] -= d1z + d2z


@kernel
def normalize(vectors: Array, inverse_length: Array, unit: Array) -> None:
    """Unit vectors, and one over the lengths; zero for the zero vector."""
    for v in range(len(vectors)):
        x, y, z = vectors[v, 0], vectors[v, 1], vectors[v, 2]
        squared = x * x + y * y + z * z
        scale = 1 / np.sqrt(squared) if squared > 0 else squared * 0
        inverse_length[v] = scale
        unit[v, 0], unit[v, 1], unit[v, 2] = x * scale, y * scale, z * scale


@kernel
def normalize_backward(unit: Array, inverse_length: Array, grad_unit: Array, grad_vectors: Array) -> None:
    """Gradient of `normalize`: what lies across the vector, over its length."""
    for v in range(len(unit)):
        x, y, z, scale = unit[v, 0], unit[v, 1], unit[v, 2], inverse_length[v]
        gx, gy, gz = grad_unit[v, 0], grad_unit[v, 1], grad_unit[v, 2]
        along = x * gx + y * gy + z * gz
        grad_vectors[v, 0] = (gx - along * x) * scale
        grad_vectors[v, 1] = (gy - along * y) * scale
        grad_vectors[v, 2] = (gz - along * z) * scale
