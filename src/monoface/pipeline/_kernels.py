"""Serial numba kernels over bands of rows of a texture. `texturing` says what they are for."""

import numba

from monoface.core.compiled import Array, kernel


@kernel
def scale_weights(values: Array, faces: Array, face_index: Array, barycentric: Array, weight: Array) -> None:
    """Multiplies the weights of texels by values of the vertices around."""
    for row in range(face_index.shape[0]):
        for column in range(face_index.shape[1]):
            f = face_index[row, column]
            if f >= 0 and weight[row, column] > 0:
                weight[row, column] *= (
                    barycentric[row, column, 0] * values[faces[f, 0]]
                    + barycentric[row, column, 1] * values[faces[f, 1]]
                    + barycentric[row, column, 2] * values[faces[f, 2]]
                )


@kernel
def blend_into_fill(
    fill: Array, share: Array, faces: Array, face_index: Array, barycentric: Array, colour: Array,
    nearest: Array, result: Array,
) -> None:  # fmt: skip
    """Rounds colours to 8 bits, blended with the fill where the vertices' share of them is below 1.

    `face_index`, `barycentric` and `colour` are of the whole texture; `nearest` and `result` of a band.
    """
    size = face_index.shape[1]
    for row in range(result.shape[0]):
        for column in range(size):
            y, x = divmod(nearest[row, column], size)
            f = face_index[y, x]
            if f < 0:
                continue
            v0, v1, v2 = faces[f, 0], faces[f, 1], faces[f, 2]
            b0, b1, b2 = barycentric[y, x, 0], barycentric[y, x, 1], barycentric[y, x, 2]
            w = b0 * share[v0] + b1 * share[v1] + b2 * share[v2]
            for c in range(3):
                value = colour[y, x, c]
                if w < 1:
                    base = b0 * fill[v0, c] + b1 * fill[v1, c] + b2 * fill[v2, c]
                    value = base + w * (value - base)
                result[row, column, c] = numba.uint8(255 * min(max(value, 0.0), 1.0) + 0.5)
