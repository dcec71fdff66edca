"""A small head: an egg with two balls for eyes, 68 landmarks on its front, and few coefficients."""

import math

import numpy as np
import torch

from monoface.facemodel import EyeJoint, FaceModelData, LandmarkSet

ROWS, COLUMNS = 24, 32
IDENTITY, EXPRESSIONS, ALBEDO = 5, 4, 3


def _ball(rows, columns, radii, centre):
    """Closed ellipsoid: vertices in rows from top to bottom, with a doubled seam at the back."""
    polar, azimuth = np.meshgrid(
        np.linspace(0, math.pi, rows), np.linspace(-math.pi, math.pi, columns + 1), indexing="ij"
    )
    directions = np.stack(
        (np.sin(polar) * np.sin(azimuth), np.cos(polar), np.sin(polar) * np.cos(azimuth)), axis=-1
    )
    corners = np.arange(rows * (columns + 1)).reshape(rows, columns + 1)
    a, b, c, d = corners[:-1, :-1], corners[1:, :-1], corners[1:, 1:], corners[:-1, 1:]
    faces = np.concatenate((np.stack((a, b, c), -1).reshape(-1, 3), np.stack((a, c, d), -1).reshape(-1, 3)))
    uv = np.stack((azimuth / (2 * math.pi) + 0.5, polar / math.pi), axis=-1)
    verts = directions.reshape(-1, 3) * radii + centre
    mirror = corners[:, ::-1].ravel()
    return verts, faces, uv.reshape(-1, 2), mirror


def make_toy_model_data():
    """An egg-shaped head with two balls for eyes, 68 landmarks on its front, and few coefficients."""
    rng = np.random.default_rng(3)
    skin = _ball(ROWS, COLUMNS, (75, 110, 90), (0, 0, 0))
    left = _ball(6, 8, (12, 12, 12), (32, 20, 72))
    right = _ball(6, 8, (12, 12, 12), (-32, 20, 72))
    starts = np.cumsum([0, len(skin[0]), len(left[0])])
    verts = np.concatenate([part[0] for part in (skin, left, right)])
    faces = np.concatenate([part[1] + start for part, start in zip((skin, left, right), starts, strict=True)])
    uv = np.concatenate((skin[2] * (1, 0.8), left[2] * 0.2 + (0.8, 0.8), right[2] * 0.2 + (0.0, 0.8)))
    mirror = np.concatenate((skin[3], left[3] + starts[2], right[3] + starts[1]))
    part = np.repeat([0, 1, 2], [len(skin[1]), len(left[1]), len(right[1])])
    is_skin = torch.arange(len(verts)) < starts[1]
    is_left = (torch.arange(len(verts)) >= starts[1]) & (torch.arange(len(verts)) < starts[2])
    front = np.flatnonzero((skin[0][:, 2] > 45) & (abs(skin[0][:, 1]) < 80))
    smooth = 0.04 * verts[None, :, [1, 2, 0]] * rng.standard_normal((IDENTITY + EXPRESSIONS, 1, 3))
    gaze = torch.zeros(EXPRESSIONS, 3)
    gaze[0, 1] = 0.4
    return FaceModelData(
        mean_mm=torch.from_numpy(verts).float(),
        identity_basis_mm=torch.from_numpy(smooth[:IDENTITY]).float(),
        expression_basis_mm=torch.from_numpy(smooth[IDENTITY:] * is_skin.numpy()[:, None]).float(),
        albedo_mean=torch.tensor([0.6, 0.4, 0.3]).expand(len(verts), 3).clone(),
        albedo_basis=torch.tensor([[0.1, 0.05, 0.05], [0.0, 0.05, 0.0], [0.0, 0.0, 0.05]])[:, None].repeat(
            1, len(verts), 1
        ),
        faces=torch.from_numpy(faces),
        face_part=torch.from_numpy(part),
        part_names=("skin", "eye_left", "eye_right"),
        uv=torch.from_numpy(uv).float(),
        weld=torch.arange(len(verts)),
        mirror=torch.from_numpy(mirror),
        regions={
            "narrow_face": is_skin & torch.from_numpy(verts[:, 2] > 30),
            "face": is_skin & torch.from_numpy(verts[:, 2] > 0),
            "eyes": ~is_skin,
        },
        landmarks={
            "ibug68": LandmarkSet.from_vertices(front[np.linspace(0, len(front) - 1, 68).astype(int)])
        },
        expression_names=("eyeLookOutLeft", "jawOpen", "mouthSmileLeft", "mouthSmileRight"),
        expression_bounds=(0.0, 1.0),
        eyes={"eye_left": EyeJoint(is_left, is_left.float() / is_left.sum(), gaze)},
        provenance={"terms": "none"},
    )
