"""A second face model, as unlike the shipped one as the contract allows: a mask and two balls.

Its expressions are Gaussian principal components without telling names, mixtures of what both sides of the
face do; its parts and regions have names of their own, and its vertices stand in no order.
"""

from functools import cache

import numpy as np
import torch
from synthetic_head import _places68

from monoface.facemodel import (
    CoefficientLayout,
    EyeJoint,
    FaceModel,
    FaceModelData,
    LandmarkSet,
    save_face_model,
)
from monoface.facemodel.landmarks import LEFT_RIGHT_68
from monoface.networks import Regressor, RegressorConfig, RegressorInfo, ResNetConfig, save_regressor

IDENTITY, EXPRESSIONS, ALBEDO = 6, 5, 2
EXPRESSION_NAMES = tuple(f"expression_{number:02}" for number in range(EXPRESSIONS))
ROWS, COLUMNS = 29, 31
BALL_MM = (32.0, 25.0, 66.0)


@cache
def gaussian_arrays():
    """What such a model comes as: plain arrays by name, in millimetres and linear RGB."""
    rng = np.random.default_rng(4)
    skin, left, right = _mask(), _ball(1), _ball(-1)
    starts = np.cumsum([0, len(skin[0]), len(left[0])])
    parts = (skin, left, right)
    verts = np.concatenate([part[0] for part in parts])
    faces = np.concatenate([part[1] + start for part, start in zip(parts, starts, strict=True)])
    owner = np.repeat([0, 1, 2], [len(part[0]) for part in parts])
    uv = np.concatenate((skin[2] * (1, 0.8), left[2] * 0.19 + (0.8, 0.81), right[2] * 0.19 + (0.01, 0.81)))
    flipped = np.linalg.norm((verts * (-1, 1, 1))[:, None] - verts[None], axis=-1)
    order = rng.permutation(len(verts))
    place = np.argsort(order)
    fields = _fields(verts) * (owner == 0)[:, None]
    turns = np.zeros((EXPRESSIONS, 3))
    turns[0, 1], turns[1, 0] = 0.1, 0.1
    mixed = np.linalg.qr(rng.normal(size=(EXPRESSIONS, EXPRESSIONS)))[0]
    own = np.linalg.qr(rng.normal(size=(IDENTITY, IDENTITY)))[0]
    return {
        "mean_mm": verts[order],
        "identity_mm": np.einsum("ij,jvc->ivc", own, _shapes(verts))[:, order],
        "expression_mm": np.einsum("ij,jvc->ivc", mixed, fields)[:, order],
        "turns_rad": mixed @ turns,
        "albedo": np.tile((0.45, 0.3, 0.25), (len(verts), 1)),
        "albedo_modes": np.stack((np.full((len(verts), 3), 0.08), np.sign(verts[:, :1]) * (0.02, 0.0, 0.0)))[
            :, order
        ],
        "faces": place[faces],
        "face_part": owner[faces[:, 0]],
        "uv": uv[order],
        "mirror": place[flipped.argmin(axis=1)[order]],
        "owner": owner[order],
        "points68": place[_points68(skin[0])],
    }


def gaussian_data(arrays=None):
    """The model's data, as `docs/howto/face_model.md` makes it."""
    mine = arrays or gaussian_arrays()
    tensor = {name: torch.from_numpy(np.asarray(array)) for name, array in mine.items()}
    front = (tensor["owner"] == 0) & (tensor["mean_mm"][:, 2] > 0)
    balls = {f"ball_{number}": tensor["owner"] == number for number in (1, 2)}
    return FaceModelData(
        mean_mm=tensor["mean_mm"].float(),
        identity_basis_mm=tensor["identity_mm"].float(),
        expression_basis_mm=tensor["expression_mm"].float(),
        albedo_mean=tensor["albedo"].float(),
        albedo_basis=tensor["albedo_modes"].float(),
        faces=tensor["faces"].long(),
        face_part=tensor["face_part"].long(),
        part_names=("outside", "ball_1", "ball_2"),
        uv=tensor["uv"].float(),
        weld=torch.arange(len(tensor["mean_mm"])),
        mirror=tensor["mirror"].long(),
        regions={"face": front, "narrow_face": front & (tensor["mean_mm"][:, 2] > 30), "top": ~front},
        landmarks={"ibug68": LandmarkSet.from_vertices(mine["points68"])},
        expression_names=EXPRESSION_NAMES,
        expression_bounds=None,
        eyes={
            name: EyeJoint(verts, verts.float() / verts.sum(), tensor["turns_rad"].float())
            for name, verts in balls.items()
        },
        provenance={"source": "synthetic", "terms": "none"},
    )


@cache
def gaussian_model():
    """The model; the same object every time."""
    return FaceModel(gaussian_data())


def gaussian_files(folder, **others):
    """Paths of the model and of random weights for it."""
    model = gaussian_model()
    save_face_model(model.data, folder / "gaussian.safetensors")
    torch.manual_seed(2)
    layout = CoefficientLayout.of(model)
    config = RegressorConfig(layout.size, backbone=ResNetConfig(blocks=(1, 1, 1, 1), width=0.125), **others)
    network = Regressor(config).eval()
    torch.nn.init.normal_(network.head.weight, std=0.05)
    # An expression far below what blendshapes may have, and one far above.
    network.head.bias.data[layout.identity : layout.identity + 2] = torch.tensor([-1.5, 2.0])
    space = model.coefficient_space
    points = (("ibug68", 1),) if config.points else ()
    info = RegressorInfo(
        "pretrain", space, layout.identity, layout.expression, layout.bounded, point_sets=points
    )
    save_regressor(network, info, folder / "weights.safetensors")
    return folder / "gaussian.safetensors", folder / "weights.safetensors"


def _mask():
    """Front of an ellipsoid with a nose: vertices, faces and texture coordinates of a grid."""
    polar, azimuth = np.meshgrid(
        np.linspace(0.15, np.pi - 0.15, ROWS), np.linspace(-1.9, 1.9, COLUMNS), indexing="ij"
    )
    verts = np.stack(
        (75 * np.sin(polar) * np.sin(azimuth), 110 * np.cos(polar), 90 * np.sin(polar) * np.cos(azimuth)), -1
    ).reshape(-1, 3)
    verts[:, 2] += 20 * _bump(verts, 0, -5, 14)
    return verts, _grid_faces(ROWS, COLUMNS), _grid_uv(ROWS, COLUMNS)


def _ball(side):
    rows, columns = 7, 9
    polar, azimuth = np.meshgrid(
        np.linspace(0.1, np.pi - 0.1, rows), np.linspace(-1.5, 1.5, columns), indexing="ij"
    )
    verts = 12 * np.stack(
        (np.sin(polar) * np.sin(azimuth), np.cos(polar), np.sin(polar) * np.cos(azimuth)), -1
    )
    centre = np.multiply(BALL_MM, (side, 1, 1))
    return verts.reshape(-1, 3) + centre, _grid_faces(rows, columns), _grid_uv(rows, columns)


def _grid_faces(rows, columns):
    corners = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = corners[:-1, :-1], corners[1:, :-1], corners[1:, 1:], corners[:-1, 1:]
    return np.concatenate((np.stack((a, b, c), -1).reshape(-1, 3), np.stack((a, c, d), -1).reshape(-1, 3)))


def _grid_uv(rows, columns):
    v, u = np.meshgrid(np.linspace(0.02, 0.98, rows), np.linspace(0.02, 0.98, columns), indexing="ij")
    return np.stack((u, v), -1).reshape(-1, 2)


def _bump(verts, x, y, radius):
    return np.exp(-((verts[:, 0] - x) ** 2 + (verts[:, 1] - y) ** 2) / (2 * radius**2)) * (verts[:, 2] > 0)


def _shapes(verts):
    x, y, z = verts.T
    zero = np.zeros_like(x)
    return np.stack(
        (
            np.stack((0.05 * x, zero, zero), 1),
            np.stack((zero, 0.04 * y, zero), 1),
            np.stack((zero, zero, 4 * _bump(verts, 0, -5, 18)), 1),
            np.stack((-0.08 * x * y / 110, zero, zero), 1),
            np.stack((zero, zero, 0.04 * x), 1),
            np.stack((zero, 0.03 * z, zero), 1),
        )
    )


def _fields(verts):
    """What both sides do, alike or opposite; principal components are mixtures of these."""
    zero = np.zeros(len(verts))
    left, right = _bump(verts, 25, -42, 16), _bump(verts, -25, -42, 16)
    brows = _bump(verts, 30, 44, 16), _bump(verts, -30, 44, 16)
    return np.stack(
        (
            np.stack((5 * (left + right), zero, zero), 1),
            np.stack((zero, -12 * _bump(verts, 0, -70, 28), zero), 1),
            np.stack((zero, 4 * (left + right), zero), 1),
            np.stack((zero, 4 * (left - right), zero), 1),
            np.stack((zero, 5 * (brows[0] + brows[1]), zero), 1),
        )
    )


def _points68(verts):
    """The nearest vertices of the front; partners lie opposite each other."""
    places = np.array(_places68())
    front = np.flatnonzero(verts[:, 2] > 0)
    mirror = np.linalg.norm((verts * (-1, 1, 1))[:, None] - verts[None], axis=-1).argmin(axis=1)
    found = np.zeros(68, dtype=np.int64)
    for row, partner in enumerate(LEFT_RIGHT_68):
        if partner < row:
            found[row] = mirror[found[partner]]
        else:
            found[row] = front[np.linalg.norm(verts[front, :2] - places[row], axis=-1).argmin()]
    return found
