"""Serial numba kernels over bands of rows of a texture. `composing` says what they are for."""

import numba
import numpy as np

from monoface.core.kernels.compiled import Array, kernel
from monoface.shading.color import LUMINANCE

_ZERO, _HALF, _ONE, _LARGEST_BYTE = np.float32(0), np.float32(0.5), np.float32(1), np.float32(255)
_RED, _GREEN, _BLUE = np.array(LUMINANCE, np.float32)


@kernel
def add_grain(
    grain: Array, skin: Array, photo: Array, faces: Array, mirrored: bool, first_row: int,
    face_index: Array, barycentric: Array, weight: Array, result: Array,
) -> None:  # fmt: skip
    """Adds fine texture in place, as far as neither photo nor mirrored photo is seen.

    `skin` tells of triangles whether they are skin, and change at all; `photo` how far layers cover the fill
    at vertices.
    """
    size, rows, columns = face_index.shape[1], grain.shape[0], grain.shape[1]
    for row in range(face_index.shape[0]):
        at_row = (first_row + row) % rows
        for column in range(size):
            f = face_index[row, column]
            if f < 0 or not skin[f]:
                continue
            v0, v1, v2 = numba.uint32(faces[f, 0]), numba.uint32(faces[f, 1]), numba.uint32(faces[f, 2])
            b0, b1, b2 = barycentric[row, column, 0], barycentric[row, column, 1], barycentric[row, column, 2]
            seen = weight[row, column]
            if mirrored:
                seen += (_ONE - seen) * weight[row, size - 1 - column]
            seen *= min(b0 * photo[v0] + b1 * photo[v1] + b2 * photo[v2], _ONE)
            amount = _ONE - seen * seen
            at_column = column % columns
            for c in range(3):
                value = _LARGEST_BYTE * max(amount, _ZERO) * grain[at_row, at_column, c]
                value += np.float32(result[row, column, c])
                result[row, column, c] = numba.uint8(min(max(value + _HALF, _ZERO), _LARGEST_BYTE))


@kernel
def without_dark(
    limits: Array, faces: Array, face_index: Array, barycentric: Array, image: Array, weight: Array,
    result: Array,
) -> None:  # fmt: skip
    """Weights that fall to 0 where the image is darker than limits of its vertices.

    `limits` has luminances: at the first one and below a texel counts not at all, at the second in full.
    """
    for row in range(face_index.shape[0]):
        for column in range(face_index.shape[1]):
            seen, f = weight[row, column], face_index[row, column]
            result[row, column] = seen
            if f < 0 or seen == _ZERO:
                continue
            none, full = _ZERO, _ZERO
            for corner in range(3):
                v, b = numba.uint32(faces[f, corner]), barycentric[row, column, corner]
                none += b * limits[v, 0]
                full += b * limits[v, 1]
            light = (
                _RED * image[row, column, 0] + _GREEN * image[row, column, 1] + _BLUE * image[row, column, 2]
            )
            if light < full:
                result[row, column] = seen * max((light - none) / (full - none), _ZERO)
