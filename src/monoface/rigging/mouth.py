"""The inside of the mouth: teeth where open lips show them, a tongue that comes out, colours of its own.

In the source, identity moves lips and teeth apart by millimetres, and `jawOpen` brings the upper lip down
over the upper teeth. So teeth, gums and tongue of each person are placed anew, by the lips.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from monoface.facemodel.data import FaceModelData
from monoface.rigging.tongue import Tongue

TONGUE_OUT = "tongueOut"
"""ARKit's 52nd shape, which exported heads have and the face model does not."""

# How far the upper incisors reach below the upper lip's edge of a closed mouth, behind the lower lip: what
# jawOpen takes of it (2.5 mm) leaves 4 mm in sight.
_SHOWN_MM = 6.5
# Teeth stand so far behind the lip's edge, about, and are moved by no more than this.
_BEHIND_MM, _FARTHEST_MM = 8.3, 7.0
# The upper row is tilted rather than moved down, so that molars still meet: full at the incisors, none here.
_MOLARS_MM, _INCISORS_MM = 52.0, 104.0
_FRONT_HALF_MM = 9.0
# The lining goes with the teeth from so far inside of the lips on.
_LINING_MM = 14.0
_UPPER_LIP = 62
_STILL_MM = 2.0


@dataclass(frozen=True, eq=False)
class Mouth:
    """Where the inside of the mouth is, over the vertices of a face model.

    Attributes:
        follows: How far each vertex goes with the teeth, 0 to 1.
        tilts: How far it goes down with the upper incisors, 0 to 1.
        tips: Vertices of the upper incisors.
        lip_index: Vertices of the middle of the upper lip's edge.
        lip_weight: Their weights.
        is_tongue: Which vertices are the face model's tongue.
        tongue: The tongue that comes out.
        lining: Which vertices are lining rather than gums, teeth or tongue.
        inside: Which vertices lie in the mouth.
        mean_drop_mm: How far the upper incisors of the mean face are moved down.
    """

    follows: Float[np.ndarray, " verts"]
    tilts: Float[np.ndarray, " verts"]
    tips: Bool[np.ndarray, " verts"]
    lip_index: np.ndarray
    lip_weight: Float[np.ndarray, " few"]
    is_tongue: Bool[np.ndarray, " verts"]
    tongue: Tongue
    lining: Bool[np.ndarray, " verts"]
    inside: Bool[np.ndarray, " verts"]
    mean_drop_mm: float

    @classmethod
    def of(cls, data: FaceModelData) -> "Mouth | None":
        """The mouth of a face model with the parts `mouth` and `teeth`; None without."""
        if not {"mouth", "teeth"} <= set(data.part_names) or "jawOpen" not in data.expression_names:
            return None
        mean = data.mean_mm.astype(np.float64)
        offsets = data.expression_basis_mm[data.expression_names.index("jawOpen")].astype(np.float64)
        moves = np.linalg.norm(offsets, axis=1)
        teeth, soft = (_verts_of(data, name) for name in ("teeth", "mouth"))
        gums = soft & ~_touching_skin(data, soft)
        lining = soft & ~gums
        depth = _INCISORS_MM - _MOLARS_MM
        front = np.clip((mean[:, 2] - _MOLARS_MM) / depth, 0, 1)
        upper = np.clip(1 - moves / _STILL_MM, 0, 1)
        follows = np.where(teeth | gums, 1.0, np.where(lining, _inwards(data, mean, lining), 0.0))
        tips = teeth & (moves < _STILL_MM) & (np.abs(mean[:, 0]) < _FRONT_HALF_MM) & (mean[:, 2] > 97)
        if not tips.any():
            return None
        points = data.landmarks["ibug68"]
        mouth = cls(
            follows=follows,
            tilts=follows * upper * front,
            tips=tips,
            lip_index=points.index[_UPPER_LIP],
            lip_weight=points.weight.astype(np.float64)[_UPPER_LIP],
            is_tongue=_is_tongue(mean, gums & (moves > _STILL_MM)),
            tongue=Tongue.of(data, gums & (moves > _STILL_MM)),
            lining=lining,
            inside=teeth | soft,
            mean_drop_mm=0.0,
        )
        return cls(**(vars(mouth) | {"mean_drop_mm": float(mouth._missing_mm(mean)[1])}))

    def placed(self, neutral_mm: Float[np.ndarray, "verts 3"]) -> Float[np.ndarray, "verts 3"]:
        """A person's neutral face with the inside of its mouth where the lips show it."""
        missing = self._missing_mm(neutral_mm)
        own = missing - np.array((0.0, self.mean_drop_mm, 0.0))
        moved = self.follows[:, None] * own
        moved[:, 1] += self.tilts * self.mean_drop_mm
        return neutral_mm + moved.astype(neutral_mm.dtype)

    def _missing_mm(self, verts: np.ndarray) -> Float[np.ndarray, " 3"]:
        """What leads the upper incisors to their place behind the upper lip."""
        lip = self.lip_weight @ verts[self.lip_index]
        teeth = verts[self.tips]
        way = np.array(
            (
                lip[0] - teeth[:, 0].mean(),
                lip[1] - _SHOWN_MM - teeth[:, 1].min(),
                lip[2] - _BEHIND_MM - teeth[:, 2].max(),
            )
        )
        return np.asarray(np.clip(way, -_FARTHEST_MM, _FARTHEST_MM))


def _verts_of(data: FaceModelData, part: str) -> Bool[np.ndarray, " verts"]:
    found = np.zeros(len(data.mean_mm), dtype=bool)
    found[data.faces[data.face_part == data.part_names.index(part)]] = True
    return found


def _touching_skin(data: FaceModelData, soft: np.ndarray) -> Bool[np.ndarray, " verts"]:
    """Those of the soft vertices that hang together with the skin: the lining, not the gums."""
    weld = data.weld
    faces = weld[data.faces[data.face_part == data.part_names.index("mouth")]]
    reached = np.zeros(len(weld), dtype=bool)
    reached[weld[_verts_of(data, "skin")]] = True
    while True:
        touched = reached[faces].any(axis=1)
        if reached[faces[touched]].all():
            return soft & reached[weld]
        reached[faces[touched]] = True


def _inwards(data: FaceModelData, mean: np.ndarray, lining: np.ndarray) -> Float[np.ndarray, " verts"]:
    """0 at the lips, 1 from some way inside on."""
    weld = data.weld
    border = mean[lining & np.isin(weld, weld[_verts_of(data, "skin")])]
    distance = np.zeros(len(mean))
    rows = np.flatnonzero(lining)
    distance[rows] = np.sqrt(((mean[rows, None] - border) ** 2).sum(axis=-1)).min(axis=1)
    return np.clip(distance / _LINING_MM, 0, 1)


def _is_tongue(mean: np.ndarray, lower: np.ndarray) -> Bool[np.ndarray, " verts"]:
    """Which of the soft parts that go with the jaw are tongue: it lies between the rows of teeth, higher."""
    x, y, z = mean.T
    half_width = np.interp(z, (45, 60, 80, 90, 97), (17, 16, 12, 8, 4))
    return lower & (np.abs(x) < half_width) & (y > np.interp(z, (45, 85, 97), (-44, -46, -44))) & (z < 97)
