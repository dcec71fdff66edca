"""Serial numba kernels over bands of rows of a texture. `unwrap` and `completion` say what they are for."""

import numba
import numpy as np

from monoface.core.compiled import Array, kernel, subroutine

_FACING_NONE, _FACING_FULL = 0.3, 0.7
"""Cosines to the viewing direction below which a texel takes nothing from the photo, and all."""

_NEARLY_ONE = 254.0 / 255.0

_BORDER_PX = 3.0
"""Width of the strip along the photo's border in which the weight fades out."""


@kernel
def sample_photo(
    photo: Array, occluders: Array, interior: Array, occluder_map: Array, attributes: Array, faces: Array,
    usable: Array, perspective: bool, face_index: Array, barycentric: Array, colour: Array, weight: Array,
) -> None:  # fmt: skip
    """Colour and weight of texels: where they lie in the photo, whether they face it, what is in front.

    `occluders` and `interior` are pictures of the mesh: the depth from which surfaces are hidden, and a
    factor that falls to 0 towards silhouettes.
    `attributes` are x, y, depth and facing cosine of vertices; `occluder_map` is scale, x and y offset
    from photo to occluder pixels, the depth tolerance and what it grows by on a slope of one.
    """
    height, width = photo.shape[1], photo.shape[2]
    for row in range(face_index.shape[0]):
        for column in range(face_index.shape[1]):
            f = face_index[row, column]
            weight[row, column] = 0
            colour[row, column, 0] = colour[row, column, 1] = colour[row, column, 2] = 0
            if f < 0 or not usable[f]:
                continue
            v0, v1, v2 = faces[f, 0], faces[f, 1], faces[f, 2]
            b0, b1, b2 = barycentric[row, column, 0], barycentric[row, column, 1], barycentric[row, column, 2]
            z = b0 * attributes[v0, 2] + b1 * attributes[v1, 2] + b2 * attributes[v2, 2]
            facing = b0 * attributes[v0, 3] + b1 * attributes[v1, 3] + b2 * attributes[v2, 3]
            if facing <= _FACING_NONE:
                continue
            if perspective:
                b0, b1, b2 = (
                    b0 * attributes[v0, 2] / z,
                    b1 * attributes[v1, 2] / z,
                    b2 * attributes[v2, 2] / z,
                )
            x = b0 * attributes[v0, 0] + b1 * attributes[v1, 0] + b2 * attributes[v2, 0]
            y = b0 * attributes[v0, 1] + b1 * attributes[v1, 1] + b2 * attributes[v2, 1]
            border = min(min(x, width - x), min(y, height - y))
            if not border > 0:
                continue
            w = _smooth_step((facing - _FACING_NONE) / (_FACING_FULL - _FACING_NONE))
            w *= min(border / _BORDER_PX, 1.0)
            scale, left, top = occluder_map[0], occluder_map[1], occluder_map[2]
            slope = np.sqrt(max(1 - facing * facing, 0.0)) / facing
            z -= occluder_map[3] + occluder_map[4] * slope
            w *= _unoccluded(occluders, interior, x * scale + left, y * scale + top, z)
            # What rounding leaves short of one would be blended with layers that nobody sees.
            weight[row, column] = w if w < _NEARLY_ONE else 1.0
            if w == 0:
                continue
            u, v, fu, fv = _corner_and_fraction(x, y, width, height)
            for c in range(3):
                upper = photo[c, v, u] + fu * (photo[c, v, u + 1] - photo[c, v, u])
                lower = photo[c, v + 1, u] + fu * (photo[c, v + 1, u + 1] - photo[c, v + 1, u])
                colour[row, column, c] = upper + fv * (lower - upper)


@subroutine
def _corner_and_fraction(x: float, y: float, width: int, height: int) -> tuple[int, int, float, float]:
    """Upper left of the four pixels around a point, and how far it lies towards the others."""
    x = min(max(x - 0.5, 0.0), width - 1.0)
    y = min(max(y - 0.5, 0.0), height - 1.0)
    u, v = min(int(x), width - 2), min(int(y), height - 2)
    return u, v, x - u, y - v


@subroutine
def _smooth_step(t: float) -> float:
    t = min(max(t, 0.0), 1.0)
    return t * t * (3 - 2 * t)


@subroutine
def _unoccluded(occluders: Array, interior: Array, x: float, y: float, z: float) -> float:
    """Sum over the four pixels around a point, bilinearly weighted, of how much they show of depth z."""
    u, v, fu, fv = _corner_and_fraction(x, y, occluders.shape[1], occluders.shape[0])
    upper = (1 - fu) * (z <= occluders[v, u]) * interior[v, u]
    upper += fu * (z <= occluders[v, u + 1]) * interior[v, u + 1]
    lower = (1 - fu) * (z <= occluders[v + 1, u]) * interior[v + 1, u]
    lower += fu * (z <= occluders[v + 1, u + 1]) * interior[v + 1, u + 1]
    return (1 - fv) * upper + fv * lower


@kernel
def sum_differences(
    fill: Array, faces: Array, face_index: Array, barycentric: Array, colour: Array, weight: Array,
    block: int, sums: Array,
) -> None:  # fmt: skip
    """Sums the weighted difference to the fill, and the weight, over blocks of texels."""
    sums[:] = 0
    for row in range(face_index.shape[0]):
        for column in range(face_index.shape[1]):
            w = weight[row, column]
            if w > 0:
                r, g, b = _interpolated(fill, faces, face_index, barycentric, row, column)
                i, j = row // block, column // block
                sums[i, j, 0] += w * (colour[row, column, 0] - r)
                sums[i, j, 1] += w * (colour[row, column, 1] - g)
                sums[i, j, 2] += w * (colour[row, column, 2] - b)
                sums[i, j, 3] += w


@kernel
def blend_layers(
    fill: Array, faces: Array, usable: Array, corrections: Array, mirrored: bool, first_row: int, block: int,
    face_index: Array, barycentric: Array, colour: Array, weight: Array, result: Array,
) -> None:  # fmt: skip
    """Lays photo over mirrored photo over extended fill, for a band of rows from `first_row` on.

    `corrections` hold, for blocks of the whole texture, what to add to the mirrored photo's difference
    to the fill, then the difference to continue with where neither side was seen.
    """
    size = face_index.shape[1]
    for row in range(face_index.shape[0]):
        for column in range(size):
            f = face_index[row, column]
            w = weight[row, column]
            if f < 0 or w >= 1:
                for c in range(3):
                    result[row, column, c] = colour[row, column, c]
                continue
            r, g, b = _interpolated(fill, faces, face_index, barycentric, row, column)
            if usable[f]:
                x, y = (column + 0.5) / block, (first_row + row + 0.5) / block
                other = size - 1 - column
                w_other = weight[row, other] if mirrored else 0 * w
                dr, dg, db = _looked_up(corrections, x, y, 3)
                if w_other > 0:
                    r2, g2, b2 = _interpolated(fill, faces, face_index, barycentric, row, other)
                    sr, sg, sb = _looked_up(corrections, x, y, 0)
                    dr += w_other * (colour[row, other, 0] - r2 + sr - dr)
                    dg += w_other * (colour[row, other, 1] - g2 + sg - dg)
                    db += w_other * (colour[row, other, 2] - b2 + sb - db)
                r, g, b = r + dr, g + dg, b + db
            result[row, column, 0] = min(max(r + w * (colour[row, column, 0] - r), 0.0), 1.0)
            result[row, column, 1] = min(max(g + w * (colour[row, column, 1] - g), 0.0), 1.0)
            result[row, column, 2] = min(max(b + w * (colour[row, column, 2] - b), 0.0), 1.0)


@subroutine
def _interpolated(
    values: Array, faces: Array, face_index: Array, barycentric: Array, row: int, column: int
) -> tuple[float, float, float]:
    """Three values of the vertices of a texel's triangle, blended."""
    f = face_index[row, column]
    v0, v1, v2 = faces[f, 0], faces[f, 1], faces[f, 2]
    b0, b1, b2 = barycentric[row, column, 0], barycentric[row, column, 1], barycentric[row, column, 2]
    return (
        b0 * values[v0, 0] + b1 * values[v1, 0] + b2 * values[v2, 0],
        b0 * values[v0, 1] + b1 * values[v1, 1] + b2 * values[v2, 1],
        b0 * values[v0, 2] + b1 * values[v1, 2] + b2 * values[v2, 2],
    )


@subroutine
def _looked_up(grid: Array, x: float, y: float, first: int) -> tuple[float, float, float]:
    """Three channels of a grid at a point, bilinearly; cell centres lie at halves."""
    j, i, fj, fi = _corner_and_fraction(x, y, grid.shape[1], grid.shape[0])
    w00, w01 = (1 - fi) * (1 - fj), (1 - fi) * fj
    w10, w11 = fi * (1 - fj), fi * fj
    upper_left, upper_right = grid[i, j], grid[i, j + 1]
    lower_left, lower_right = grid[i + 1, j], grid[i + 1, j + 1]
    a, b, c = first, first + 1, first + 2
    return (
        w00 * upper_left[a] + w01 * upper_right[a] + w10 * lower_left[a] + w11 * lower_right[a],
        w00 * upper_left[b] + w01 * upper_right[b] + w10 * lower_left[b] + w11 * lower_right[b],
        w00 * upper_left[c] + w01 * upper_right[c] + w10 * lower_left[c] + w11 * lower_right[c],
    )


@kernel
def copy_texels(source: Array, image: Array) -> None:
    """Gives each texel of an image the colour of the texel that `source` names."""
    flat = image.reshape(-1, 3)
    for t in range(len(source)):
        s = source[t]
        if s != t:
            flat[t, 0], flat[t, 1], flat[t, 2] = flat[s, 0], flat[s, 1], flat[s, 2]


@kernel
def nearest_covered(covered: Array, source: Array) -> None:
    """For each texel, the flat index of a nearest covered one: two sweeps that carry sources along."""
    height, width = covered.shape
    far = numba.int64(1) << 40
    distance = np.full((height, width), far)
    for y in range(height):
        for x in range(width):
            source[y, x] = y * width + x
            if covered[y, x]:
                distance[y, x] = 0
    for sweep in range(2):
        for step_y in range(height):
            y = step_y if sweep == 0 else height - 1 - step_y
            for direction in range(2):
                for step_x in range(width):
                    x = step_x if direction == 0 else width - 1 - step_x
                    back_x = -1 if direction == 0 else 1
                    back_y = -1 if sweep == 0 else 1
                    for dy, dx in ((0, back_x), (back_y, -1), (back_y, 0), (back_y, 1)):
                        ny, nx = y + dy, x + dx
                        if ny < 0 or ny >= height or nx < 0 or nx >= width or distance[ny, nx] == far:
                            continue
                        s = source[ny, nx]
                        d = (s // width - y) ** 2 + (s % width - x) ** 2
                        if d < distance[y, x]:
                            distance[y, x] = d
                            source[y, x] = s
