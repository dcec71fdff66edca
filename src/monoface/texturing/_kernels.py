"""Serial numba kernels over bands of rows of a texture. `composing` says what they are for."""

import numba
import numpy as np

from monoface.core.kernels.compiled import Array, kernel

_ZERO, _HALF, _ONE, _LARGEST_BYTE = np.float32(0), np.float32(0.5), np.float32(1), np.float32(255)


@kernel
def add_grain(
    grain: Array, skin: Array, share: Array, faces: Array, mirrored: bool, first_row: int,
    face_index: Array, barycentric: Array, weight: Array, result: Array,
) -> None:  # fmt: skip
    """Adds fine texture, in place, to skin as far as neither photo nor mirrored photo is seen there.

    `skin` tells of triangles whether they are skin, `share` of vertices how far layers cover the fill.
    """
    size, rows, columns = face_index.shape[1], grain.shape[0], grain.shape[1]
    for row in range(face_index.shape[0]):
        at_row = (first_row + row) % rows
        for column in range(size):
            f = face_index[row, column]
            if f < 0 or not skin[f]:
                continue
            seen = weight[row, column]
            if mirrored:
                seen += (_ONE - seen) * weight[row, size - 1 - column]
            if seen > _ZERO:
                b = barycentric[row, column]
                part = b[0] * share[faces[f, 0]] + b[1] * share[faces[f, 1]] + b[2] * share[faces[f, 2]]
                seen *= min(part, _ONE)
            amount = _LARGEST_BYTE * (_ONE - seen * seen)
            if amount <= _ZERO:
                continue
            at_column = column % columns
            for c in range(3):
                value = np.float32(result[row, column, c]) + amount * grain[at_row, at_column, c]
                result[row, column, c] = numba.uint8(min(max(value + _HALF, _ZERO), _LARGEST_BYTE))
