"""A small head with all that the shipped model has: parts, turning eyes, landmarks, named expressions.

An egg with a nose, 642 vertices of skin, and two eyeballs. All of it is exactly mirror-symmetric.
"""

from functools import cache

import numpy as np
import torch
import trimesh

from monoface.facemodel import EyeJoint, FaceModel, FaceModelData, LandmarkSet
from monoface.facemodel.landmarks import LEFT_RIGHT_21, LEFT_RIGHT_68

RADII_MM = (75.0, 110.0, 90.0)
EYE_CENTRE_MM = np.array((32.0, 25.0, 72.0))
EYE_RADIUS_MM = 12.0
GAZE_RAD = {
    "eyeLookUp": (-0.3, 0.0),
    "eyeLookDown": (0.4, 0.0),
    "eyeLookIn": (0.0, -0.5),
    "eyeLookOut": (0.0, 0.5),
}
EXPRESSIONS = (
    "browDownLeft", "browDownRight", "jawOpen", "mouthSmileLeft", "mouthSmileRight",
    *(f"{gaze}{side}" for gaze in GAZE_RAD for side in ("Left", "Right")),
)  # fmt: skip
# Points of the dense set that AFLW's points are compared with, and their places.
_DENSE_PLACES = {33: (-44, 25), 133: (-20, 25), 362: (20, 25), 263: (44, 25), 61: (-25, -42), 291: (25, -42),
                 152: (0, -75), 10: (0, 75)}  # fmt: skip


@cache
def synthetic_head_data() -> FaceModelData:
    """The head's data; the same object every time."""
    skin, left, right = _skin(), _ball((1, 1, 1)), _ball((-1, 1, 1))
    starts = np.cumsum([0, len(skin.vertices), len(left.vertices)])
    verts = np.concatenate([np.asarray(part.vertices) for part in (skin, left, right)])
    faces = np.concatenate(
        [part.faces + start for part, start in zip((skin, left, right), starts, strict=True)]
    )
    mirror = _mirror_of(verts)
    part = np.repeat((0, 1, 2), [len(mesh.vertices) for mesh in (skin, left, right)])
    is_skin = part == 0
    front = is_skin & (verts[:, 2] > -20)
    surface = _Surface(verts, faces[is_skin[faces].all(axis=1)], mirror)
    ibug68 = surface.landmarks(_places68(), LEFT_RIGHT_68)
    return FaceModelData(
        mean_mm=_tensor(verts),
        identity_basis_mm=_tensor(_identity_modes(verts)),
        expression_basis_mm=_tensor(_expressions(verts) * is_skin[:, None]),
        albedo_mean=_tensor(np.tile((0.5, 0.35, 0.25), (len(verts), 1))),
        albedo_basis=_tensor(np.tile([[[0.1, 0.1, 0.1]], [[0.05, 0.0, -0.05]]], (1, len(verts), 1))),
        faces=torch.from_numpy(faces).long(),
        face_part=torch.from_numpy(part[faces[:, 0]]),
        part_names=("skin", "eye_left", "eye_right"),
        uv=_tensor(0.5 + 0.45 * verts[:, :2] / 110 * (1, -1)),
        weld=torch.arange(len(verts)),
        mirror=torch.from_numpy(mirror),
        regions={
            "narrow_face": torch.from_numpy(front & (verts[:, 2] > 20)),
            "face": torch.from_numpy(front),
            "eyes": torch.from_numpy(~is_skin),
        },
        landmarks={
            "ibug68": ibug68,
            "ibug68_contour": ibug68,
            "ibug68_reannotated": ibug68,
            "aflw21": surface.landmarks(_places21(), LEFT_RIGHT_21),
            "facemesh468": surface.landmarks(*_places468()),
        },
        expression_names=EXPRESSIONS,
        expression_bounds=(0.0, 1.0),
        eyes={
            f"eye_{side.lower()}": _eye_joint(part == 1 + number, side)
            for number, side in enumerate(("Left", "Right"))
        },
        provenance={"source": "synthetic", "terms": "none"},
    )


@cache
def synthetic_head() -> FaceModel:
    """The head as a face model; the same object every time."""
    return FaceModel(synthetic_head_data())


class _Surface:
    def __init__(self, verts, faces, mirror):
        self.verts, self.mirror = verts, mirror
        a, b, c = verts[faces].transpose(1, 0, 2)
        # Counter-clockwise seen from the front, and not edge-on.
        self.faces = faces[np.cross(b - a, c - a)[:, 2] > 1.0]

    def landmarks(self, places, partners) -> LandmarkSet:
        """Points of the front at given x and y; partners come out as exact mirror images."""
        index = np.zeros((len(places), 6), dtype=np.int64)
        weight = np.zeros((len(places), 6))
        for row, (place, partner) in enumerate(zip(places, partners, strict=True)):
            if partner < row:
                index[row], weight[row] = self.mirror[index[partner]], weight[partner]
                continue
            verts, shares = self._below(np.asarray(place, dtype=np.float64))
            other = self.mirror[verts] if partner == row else verts
            index[row], weight[row] = np.concatenate((verts, other)), np.concatenate((shares, shares)) / 2
        return LandmarkSet(torch.from_numpy(index), _tensor(weight))

    def _below(self, place):
        a, b, c = self.verts[self.faces][..., :2].transpose(1, 0, 2)

        def area(p, q, r):
            return (q[:, 0] - p[:, 0]) * (r[:, 1] - p[:, 1]) - (q[:, 1] - p[:, 1]) * (r[:, 0] - p[:, 0])

        here = np.broadcast_to(place, a.shape)
        shares = (
            np.stack((area(here, b, c), area(a, here, c), area(a, b, here)), axis=1) / area(a, b, c)[:, None]
        )
        best = shares.min(axis=1).argmax()
        assert shares[best].min() > -1e-9, f"no surface at {place}"
        return self.faces[best], shares[best]


def _tensor(values) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).float()


def _skin():
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=1.0)
    verts = np.asarray(mesh.vertices) * RADII_MM
    nose = np.exp(-(verts[:, 0] ** 2 + (verts[:, 1] + 5) ** 2) / (2 * 14.0**2)) * (verts[:, 2] > 0)
    verts[:, 2] += 22 * nose
    return trimesh.Trimesh(verts, mesh.faces, process=False)


def _ball(sides):
    mesh = trimesh.creation.icosphere(subdivisions=1, radius=EYE_RADIUS_MM)
    return trimesh.Trimesh(np.asarray(mesh.vertices) + EYE_CENTRE_MM * sides, mesh.faces, process=False)


def _mirror_of(verts):
    distance = np.linalg.norm((verts * (-1, 1, 1))[:, None] - verts[None], axis=-1)
    assert distance.min(axis=1).max() < 1e-6
    return distance.argmin(axis=1)


def _bump(verts, x, y, radius):
    return np.exp(-((verts[:, 0] - x) ** 2 + (verts[:, 1] - y) ** 2) / (2 * radius**2)) * (verts[:, 2] > 0)


def _identity_modes(verts):
    x, y, _ = verts.T
    zero = np.zeros_like(x)
    return np.stack(
        (
            np.stack((0.06 * x, zero, zero), axis=1),
            np.stack((zero, 0.05 * y, zero), axis=1),
            np.stack((zero, zero, 4 * _bump(verts, 0, -5, 18)), axis=1),
            np.stack((-0.1 * x * (y < 0) * y / -110, zero, 3 * _bump(verts, 0, -75, 25)), axis=1),
        )
    )


def _expressions(verts):
    left = {"browDownLeft": (30, 44, 14, (0, -8, 1)), "mouthSmileLeft": (25, -42, 12, (6, 7, -2))}
    rows = []
    for name in EXPRESSIONS:
        side = -1 if name.endswith("Right") else 1
        if name == "jawOpen":
            rows.append(_bump(verts, 0, -70, 30)[:, None] * (0, -25, -5))
        elif name.replace("Right", "Left") in left:
            x, y, radius, offset = left[name.replace("Right", "Left")]
            rows.append(_bump(verts, side * x, y, radius)[:, None] * np.multiply(offset, (side, 1, 1)))
        else:
            rows.append(np.zeros_like(verts))
    return np.stack(rows)


def _eye_joint(mask, side):
    sign = 1 if side == "Left" else -1
    turns = {f"{name}{side}": (about_x, sign * about_y, 0.0) for name, (about_x, about_y) in GAZE_RAD.items()}
    gaze = torch.tensor([turns.get(name, (0.0, 0.0, 0.0)) for name in EXPRESSIONS])
    return EyeJoint(torch.from_numpy(mask), _tensor(mask / mask.sum()), gaze)


def _places68():
    turn = np.linspace(-np.pi / 2, np.pi / 2, 17)
    jaw = list(zip(62 * np.sin(turn), 10 - 85 * np.cos(turn), strict=True))
    brow = [(-50, 42), (-42, 46), (-33, 47), (-23, 46), (-14, 43)]
    nose = [(0, 25), (0, 15), (0, 5), (0, -5), (-12, -14), (-6, -16), (0, -17), (6, -16), (12, -14)]
    eye = [(-44, 25), (-36, 30), (-28, 30), (-20, 25), (-28, 20), (-36, 20)]
    other_eye = [(20, 25), (28, 30), (36, 30), (44, 25), (36, 20), (28, 20)]
    lips = [(-25, -42), (-16, -37), (-7, -34), (0, -35), (7, -34), (16, -37), (25, -42), (16, -49), (7, -52),
            (0, -53), (-7, -52), (-16, -49), (-20, -42), (-8, -40), (0, -40), (8, -40), (20, -42), (8, -45),
            (0, -45), (-8, -45)]  # fmt: skip
    return [*jaw, *brow, *((-x, y) for x, y in reversed(brow)), *nose, *eye, *other_eye, *lips]


def _places21():
    brow, eye = [(-50, 42), (-33, 47), (-14, 43)], [(-44, 25), (-32, 25), (-20, 25)]
    both = [*brow, *((-x, y) for x, y in reversed(brow)), *eye, *((-x, y) for x, y in reversed(eye))]
    return [
        *both,
        (-70, 10),
        (-12, -14),
        (0, -5),
        (12, -14),
        (70, 10),
        (-25, -42),
        (0, -43),
        (25, -42),
        (0, -75),
    ]


def _places468():
    """Named places, and pairs spread over the face; partners by index."""
    places = dict(_DENSE_PLACES)
    partners = {33: 263, 263: 33, 133: 362, 362: 133, 61: 291, 291: 61, 152: 152, 10: 10}
    free = [number for number in range(468) if number not in places]
    rng = np.random.default_rng(0)
    for first, second in zip(free[::2], free[1::2], strict=True):
        radius, turn = np.sqrt(rng.uniform(0.02, 0.8)), rng.uniform(-1.4, 1.4)
        x, y = 70 * radius * np.cos(turn), 95 * radius * np.sin(turn)
        places[first], places[second] = (-x, y), (x, y)
        partners[first], partners[second] = second, first
    return [places[number] for number in range(468)], [partners[number] for number in range(468)]
