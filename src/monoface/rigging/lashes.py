"""Lashes as cards: a strip along each lid, rooted on its edge as the dense landmarks have it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageDraw

from monoface.facemodel.data import FaceModelData

# The lids of the subject's right among the 468 points, from the inner corner to the outer one.
_UPPER = (133, 173, 157, 158, 159, 160, 161, 246, 33)
_LOWER = (155, 154, 153, 145, 144, 163, 7)
_COLUMNS = 17
# Lengths in millimetres at the inner end, the middle and the outer end.
_UPPER_MM, _LOWER_MM = (2.5, 7.0, 7.5), (1.5, 3.0, 3.5)
# How far lashes leave the lid's normal: up or down, and to the side at the ends of the lid.
_RISE, _FAN = 0.55, 0.45
# Roots lie this much in front of the edge, so that no card cuts the lid.
_LIFT_MM = 0.25
_SHARES = (0.0, 0.5, 1.0)
_TEXTURE_PX = (512, 64)
_HAIR_SRGB = (34, 24, 20)


@dataclass(frozen=True, eq=False)
class LashStrip:
    """One strip of cards.

    Attributes:
        index: Vertices of the head that each column is rooted on.
        weight: Their weights.
        eye: Part whose centre lashes point away from.
        length_mm: Of each column.
        side: +1 if the strip's columns run to +x, else -1.
        rise: +1 for an upper lid, -1 for a lower one.
    """

    index: Int[np.ndarray, "columns entries"]
    weight: Float[np.ndarray, "columns entries"]
    eye: str
    length_mm: Float[np.ndarray, " columns"]
    side: float
    rise: float

    def verts(
        self, head_mm: Float[np.ndarray, "verts 3"], centre_mm: Float[np.ndarray, " 3"]
    ) -> Float[np.ndarray, "lashes 3"]:
        """Vertices of the strip on a head in some expression: for each share of the length, all columns."""
        root = (self.weight[..., None] * head_mm[self.index]).sum(axis=1)
        out = root - centre_mm
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        along = np.linspace(-1, 1, len(root))
        aim = out + np.stack(
            (_FAN * self.side * along, np.full_like(along, self.rise * _RISE), 0 * along), axis=1
        )
        aim /= np.linalg.norm(aim, axis=1, keepdims=True)
        rows = []
        for share in _SHARES:
            # Lashes leave the lid along its normal and bend towards where they aim.
            way = (1 - share) * out + share * aim
            way /= np.linalg.norm(way, axis=1, keepdims=True)
            rows.append(root + _LIFT_MM * out + share * self.length_mm[:, None] * way)
        return np.concatenate(rows)

    @property
    def faces(self) -> Int[np.ndarray, "faces 3"]:
        """Triangles over the strip's vertices."""
        row = np.arange(_COLUMNS - 1)
        quads = [np.stack((k + row, k + row + 1, k + _COLUMNS + row + 1, k + _COLUMNS + row), axis=1)
                 for k in _COLUMNS * np.arange(len(_SHARES) - 1)]  # fmt: skip
        quad = np.concatenate(quads)
        faces = np.concatenate((quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]))
        return faces if self.side * self.rise > 0 else faces[:, ::-1].copy()

    @property
    def uv(self) -> Float[np.ndarray, "lashes 2"]:
        """Texture coordinates, origin top left; roots at the bottom."""
        u = np.linspace(0, 1, _COLUMNS)
        return np.concatenate([np.stack((u, np.full_like(u, 1 - share)), axis=1) for share in _SHARES])


def lash_strips(data: FaceModelData) -> tuple[LashStrip, ...]:
    """Strips of the lids of a face model that has turning eyes and the dense landmarks; none otherwise."""
    points = data.landmarks.get("facemesh468")
    if points is None or set(data.eyes) != {"eye_left", "eye_right"}:
        return ()
    index, weight = points.index, points.weight.astype(np.float64)
    mirror = data.mirror
    strips = []
    for rows, lengths, rise in ((_UPPER, _UPPER_MM, 1.0), (_LOWER, _LOWER_MM, -1.0)):
        places, shares = _columns(index[list(rows)], weight[list(rows)])
        length = np.interp(np.linspace(0, 1, _COLUMNS), (0, 0.5, 1), lengths)
        strips.append(LashStrip(places, shares, "eye_right", length, -1.0, rise))
        strips.append(LashStrip(mirror[places], shares, "eye_left", length, 1.0, rise))
    return tuple(strips)


def _columns(index: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points at even steps between given ones, as weights of the vertices of both neighbours."""
    place = np.linspace(0, len(index) - 1, _COLUMNS)
    low = np.minimum(place.astype(int), len(index) - 2)
    share = (place - low)[:, None]
    return (
        np.concatenate((index[low], index[low + 1]), axis=1),
        np.concatenate((weight[low] * (1 - share), weight[low + 1] * share), axis=1),
    )


def lash_texture() -> UInt8[np.ndarray, "height width 4"]:
    """Hairs with opacity, roots at the bottom, in tufts as lashes grow."""
    width, height = _TEXTURE_PX
    scale = 4
    opacity = Image.new("L", (width * scale, height * scale), 0)
    pen = ImageDraw.Draw(opacity)
    rng = np.random.default_rng(0)
    roots = np.linspace(0.01, 0.99, 62) + rng.normal(0, 0.004, 62)
    for number, root in enumerate(roots):
        tuft = 0.012 * np.sin(2.4 * number)
        length = 0.97 * (0.72 + 0.28 * rng.random())
        steps = np.linspace(0, 1, 24)
        across = (root + tuft * steps**2 + rng.normal(0, 0.006) * steps) * width * scale
        up = (1 - length * steps) * height * scale
        for step, x, y in zip(steps, across, up, strict=True):
            radius = scale * (1.5 * (1 - step) ** 0.8 + 0.25)
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    alpha = np.asarray(opacity.resize((width, height), Image.Resampling.BOX))
    colour = np.broadcast_to(np.array(_HAIR_SRGB, dtype=np.uint8), (height, width, 3))
    return np.dstack((colour, alpha)).astype(np.uint8)
