"""A small head, random weights for it, and a detector that sees a face wherever it is told to."""

import math

import numpy as np
import pytest
import torch

from monoface.detection import Detection
from monoface.facemodel import (
    CoefficientLayout,
    EyeJoint,
    FaceModel,
    FaceModelData,
    LandmarkSet,
    save_face_model,
)
from monoface.facemodel.estimation.identity_prior import IdentityMap
from monoface.facemodel.estimation.refinement import RefineConfig
from monoface.networks import (
    LandmarkMapConfig,
    Regressor,
    RegressorConfig,
    RegressorInfo,
    ResNetConfig,
    save_regressor,
)
from monoface.pipeline import Reconstructor, ReconstructorConfig
from monoface.pipeline.refining.refinement_file import MEASURED, REGRESSED, Refinement, save_refinement

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


@pytest.fixture(scope="session")
def toy_model_data():
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


@pytest.fixture(scope="session")
def toy_model(toy_model_data):
    return FaceModel(toy_model_data)


@pytest.fixture(scope="session")
def toy_files(toy_model_data, toy_model, tmp_path_factory):
    """Paths of the face model and of random weights for it."""
    folder = tmp_path_factory.mktemp("toy")
    save_face_model(toy_model_data, folder / "head.safetensors")
    torch.manual_seed(1)
    layout = CoefficientLayout.of(toy_model)
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
    network = Regressor(RegressorConfig(layout.size, backbone=backbone)).eval()
    torch.nn.init.normal_(network.head.weight, std=0.05)
    info = RegressorInfo("pretrain", toy_model.coefficient_space, layout.identity, layout.expression)
    save_regressor(network, info, folder / "toy.safetensors")
    return folder / "head.safetensors", folder / "toy.safetensors"


@pytest.fixture(scope="session")
def mapped_weights(toy_model, tmp_path_factory):
    """Path of random weights of a network that sees landmarks."""
    torch.manual_seed(1)
    layout = CoefficientLayout.of(toy_model)
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125, in_channels=4)
    network = Regressor(
        RegressorConfig(layout.size, backbone=backbone, landmark_map=LandmarkMapConfig())
    ).eval()
    torch.nn.init.normal_(network.head.weight, std=0.05)
    torch.nn.init.normal_(network.error_head.weight)
    info = RegressorInfo("twodasl", toy_model.coefficient_space, layout.identity, layout.expression)
    path = tmp_path_factory.mktemp("mapped") / "mapped.safetensors"
    save_regressor(network, info, path)
    return path


@pytest.fixture(scope="session")
def pointed_weights(toy_model, tmp_path_factory):
    """Path of random weights of a network that finds the 68 points besides, with a refinement."""
    torch.manual_seed(1)
    layout = CoefficientLayout.of(toy_model)
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
    network = Regressor(RegressorConfig(layout.size, backbone=backbone, points=68)).eval()
    torch.nn.init.normal_(network.head.weight, std=0.05)
    network.point_head.begin_at(torch.rand(68, 2) * 0.5 + 0.25)
    info = RegressorInfo(
        "monoface",
        toy_model.coefficient_space,
        layout.identity,
        layout.expression,
        point_sets=(("ibug68", 1),),
    )
    path = tmp_path_factory.mktemp("pointed") / "pointed.safetensors"
    save_regressor(network, info, path)
    save_refinement(toy_refinement(), path)
    return path


def toy_refinement(**others):
    """Of random numbers: it sees the network's identity and what its points say."""
    rng = np.random.default_rng(6)
    identity_map = IdentityMap(
        ((REGRESSED, IDENTITY), (MEASURED, IDENTITY)),
        0.3 * rng.normal(size=(IDENTITY, 2 * IDENTITY)),
        0.1 * rng.normal(size=IDENTITY),
        0.4 * np.eye(IDENTITY),
        np.zeros(IDENTITY),
        np.eye(IDENTITY),
    )
    given = {"config": RefineConfig(), "identity_map": identity_map, "habit_mm": rng.normal(size=(68, 3))}
    return Refinement(**given | others)


@pytest.fixture(scope="session")
def pointed_reconstructor(toy_files, pointed_weights):
    """As `toy_reconstructor`, but faces are measured."""
    config = ReconstructorConfig(
        weights=str(pointed_weights), face_model=toy_files[0], texture_size=64, batch_size=4
    )
    reconstructor = Reconstructor(config)
    reconstructor.detector = ToldDetector((70, 40, 130, 110))
    return reconstructor


class ToldDetector:
    """Sees faces of given boxes in every photo that is not black; remembers what it was shown."""

    def __init__(self, *boxes):
        self.boxes = [np.array(box, dtype=np.float64) for box in boxes]
        self.seen_sizes = []

    def __call__(self, image):
        self.seen_sizes.append(image.shape[:2])
        if not image.any():
            return []
        return [Detection(box, 0.9, np.zeros((6, 2), np.float32), box) for box in self.boxes]

    def detect_batch(self, images):
        return [self(image) for image in images]


@pytest.fixture(scope="session")
def told_detector():
    return ToldDetector


@pytest.fixture(scope="session")
def toy_reconstructor(toy_files):
    """A reconstructor of the small head, which finds one face in the middle of a 200 x 160 photo."""
    head, weights = toy_files
    config = ReconstructorConfig(weights=str(weights), face_model=head, texture_size=64, batch_size=4)
    reconstructor = Reconstructor(config)
    reconstructor.detector = ToldDetector((70, 40, 130, 110))
    return reconstructor


@pytest.fixture(scope="session")
def photo_array():
    """A smooth, colourful picture of 200 x 160 pixels."""
    y, x = np.mgrid[0:160, 0:200]
    return np.stack((60 + x * 0.7, 40 + y, 200 - 0.5 * (x + y)), axis=-1).astype(np.uint8)


@pytest.fixture(scope="session")
def toy_result(toy_reconstructor, photo_array):
    return toy_reconstructor.reconstruct(photo_array)


@pytest.fixture(scope="session")
def toy_face(toy_result):
    return toy_result.faces[0]
