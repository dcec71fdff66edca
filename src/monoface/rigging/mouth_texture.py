"""A texture of its own for teeth, gums, tongue and the lining of the mouth, the same for everybody.

Both halves of the mouth share it, mirrored. Colours are those of a mouth that light enters from the front:
they darken with depth, so that an open mouth is no flat surface in viewers without light or shadow.
"""

import numpy as np
from jaxtyping import Float, Int, UInt8

from monoface.facemodel.data import FaceModelData
from monoface.geometry.triangles import vertex_normals
from monoface.rigging.mouth import Mouth
from monoface.rigging.tongue import STRIP

SIZE_PX = 512
# Linear RGB: enamel and the tooth's neck, gums, tongue, lining.
_ENAMEL, _NECK = np.array((0.66, 0.58, 0.47)), np.array((0.50, 0.38, 0.25))
_GUM, _TONGUE, _LINING = (
    np.array((0.40, 0.13, 0.12)),
    np.array((0.42, 0.15, 0.14)),
    np.array((0.25, 0.07, 0.06)),
)
# Depth of the middle of the rows of teeth, and how dark the sides of teeth are that face their neighbours.
_ROW_MM, _SIDE = 55.0, 0.4
# Depths at which light has gone down to nearly nothing, and where it is whole.
_DARK_MM, _LIGHT_MM, _LEAST = 20.0, 104.0, 0.035
# The charts of the inside lie in two mirrored boxes: distance from the middle, top, width, height.
_FROM_MIDDLE, _TOP, _WIDTH, _HEIGHT = 0.16, 0.77, 0.185, 0.23
_GRAIN = 0.045
_SPREAD_PX = 6


def outside_uv(uv: Float[np.ndarray, "verts 2"]) -> Float[np.ndarray, "verts 2"]:
    """Places in the head's layout of places in the mouth's texture: the inverse of `inside_uv`."""
    return np.stack((0.5 + _FROM_MIDDLE + _WIDTH * uv[:, 0], _TOP + _HEIGHT * uv[:, 1]), axis=1)


def inside_uv(uv: Float[np.ndarray, "verts 2"]) -> Float[np.ndarray, "verts 2"]:
    """Places in the mouth's texture of vertices inside the mouth, from their places in the head's."""
    folded = (np.abs(uv[:, 0] - 0.5) - _FROM_MIDDLE) / _WIDTH
    return np.stack((folded, (uv[:, 1] - _TOP) / _HEIGHT), axis=1).astype(uv.dtype)


def mouth_texture(data: FaceModelData, mouth: Mouth) -> Float[np.ndarray, "size size 3"]:
    """Linear RGB of the inside of the mouth, laid out by `inside_uv`."""
    colours = _vertex_colours(data, mouth)
    parts = [data.part_names.index(name) for name in ("mouth", "teeth")]
    faces = data.faces[np.isin(data.face_part, parts)]
    uv = data.uv.astype(np.float64)
    # The subject's left half; the other one is its mirror image.
    faces = faces[(uv[faces, 0] > 0.5).all(axis=1)]
    picture, painted = _painted(SIZE_PX * inside_uv(uv), faces, colours)
    picture = _with_tongue(_spread(picture, painted))
    grain = np.random.default_rng(0).normal(1, _GRAIN, (SIZE_PX, SIZE_PX, 1))
    return np.clip(picture * grain, 0, 1)


def shaded(
    texture: Float[np.ndarray, "size size 3"], light: Float[np.ndarray, " 3"]
) -> UInt8[np.ndarray, "s s 3"]:
    """The texture in sRGB, under light as strong as what the face has (1: as its albedo)."""
    linear = np.clip(texture * light, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * curved).astype(np.uint8)


def _vertex_colours(data: FaceModelData, mouth: Mouth) -> Float[np.ndarray, "verts 3"]:
    mean = data.mean_mm.astype(np.float64)
    teeth = data.regions["teeth"]
    normals = vertex_normals(data.mean_mm.astype(np.float64), data.faces, data.weld)
    colours = np.where(mouth.lining[:, None], _LINING, _GUM)
    colours = np.where(mouth.is_tongue[:, None], _TONGUE, colours)
    # A tooth's crown is what lies nearest to where the rows meet.
    from_bite = np.abs(mean[:, 1] + 34.0)
    neck = np.clip((from_bite - 6) / 6, 0, 1)[:, None]
    colours = np.where(teeth[:, None], _ENAMEL * (1 - neck) + _NECK * neck, colours)
    light = np.clip((mean[:, 2] - _DARK_MM) / (_LIGHT_MM - _DARK_MM), 0, 1)
    light = _LEAST + (1 - _LEAST) * light**1.7
    # What faces its neighbours is in their shadow: fronts and backs of teeth are bright.
    row = mean * (1, 0, 1) - (0, 0, _ROW_MM)
    row /= np.linalg.norm(row, axis=1, keepdims=True)
    facing = np.abs((normals * row).sum(axis=1))
    light *= np.where(teeth, _SIDE + (1 - _SIDE) * facing, 1.0)
    return colours * light[:, None]


def _with_tongue(picture: Float[np.ndarray, "size size 3"]) -> Float[np.ndarray, "size size 3"]:
    """The strip of the tongue that comes out: dark at its root, with a line along its middle."""
    first, last = (round(SIZE_PX * place) for place in STRIP)
    # Half of the strip is the upper side.
    across = np.abs(np.linspace(-1, 1, last - first))
    middle = 1 - 0.3 * np.exp(-((across / 0.06) ** 2)) - 0.25 * np.clip((across - 0.5) / 0.3, 0, 1)
    along = np.interp(np.linspace(0, 1, SIZE_PX), (0, 0.35, 0.6, 1), (0.25, 0.8, 1.0, 1.1))
    result = picture.copy()
    result[:, first - 3 : last + 3] = (along[:, None] * np.pad(middle, 3, mode="edge"))[..., None] * _TONGUE
    return result


def _painted(
    place_px: Float[np.ndarray, "verts 2"],
    faces: Int[np.ndarray, "faces 3"],
    colours: Float[np.ndarray, "verts 3"],
) -> tuple[Float[np.ndarray, "size size 3"], np.ndarray]:
    """Colours interpolated over triangles, and where there are any."""
    picture, painted = np.zeros((SIZE_PX, SIZE_PX, 3)), np.zeros((SIZE_PX, SIZE_PX), dtype=bool)
    for face in faces:
        corners = place_px[face]
        low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, SIZE_PX)
        x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
        edges = (corners[1:] - corners[0]).T
        if abs(np.linalg.det(edges)) < 1e-9:
            continue
        inner = np.linalg.solve(edges, np.stack((x.ravel(), y.ravel())) - corners[0][:, None])
        share = np.concatenate((1 - inner.sum(axis=0, keepdims=True), inner))
        hit = (share >= -1e-6).all(axis=0)
        columns, rows = x.ravel()[hit].astype(int), y.ravel()[hit].astype(int)
        picture[rows, columns] = share[:, hit].T @ colours[face]
        painted[rows, columns] = True
    return picture, painted


def _spread(picture: np.ndarray, painted: np.ndarray) -> Float[np.ndarray, "size size 3"]:
    """Colours carried over the edges of charts, so that no filter of a texture meets black."""
    for _ in range(_SPREAD_PX):
        total, count = np.zeros_like(picture), np.zeros(painted.shape)
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            total += np.roll(picture * painted[..., None], step, axis=axis)
            count += np.roll(painted, step, axis=axis)
        new = ~painted & (count > 0)
        picture = np.where(new[..., None], total / np.maximum(count, 1)[..., None], picture)
        painted = painted | new
    return picture
