"""A small head, random weights for it, and a detector that sees a face wherever it is told to."""

import numpy as np
import pytest
import torch
from toy_head import IDENTITY, make_toy_model_data

from monoface.detection import Detection
from monoface.facemodel import (
    CoefficientLayout,
    FaceModel,
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


@pytest.fixture(scope="session")
def toy_model_data():
    return make_toy_model_data()


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

    def detect_photos(self, photos):
        return [self._detect(photo) for photo in photos]

    def _detect(self, photo):
        self.seen_sizes.append(photo.size_px[::-1])
        if not photo.overview.image_srgb.any():
            return []
        return [Detection(box, 0.9999, np.zeros((6, 2), np.float32), box) for box in self.boxes]


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
