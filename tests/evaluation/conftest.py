"""A small face model and a network of random weights: what evaluations need of our own."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from monoface.facemodel import FaceModel, FaceModelData, LandmarkSet
from monoface.networks import LandmarkMapConfig, Regressor, RegressorConfig, RegressorInfo, save_regressor
from monoface.networks.backbones import ResNetConfig
from monoface.pipeline import CoefficientRegressor, MadeWith

VERTS, IDENTITY, EXPRESSION = 90, 5, 4
SET_SIZES = {"ibug68": 68, "ibug68_reannotated": 68, "aflw21": 21}


@pytest.fixture(scope="session")
def make_toy_model():
    """Makes a face model of 90 random vertices, with the landmark sets named."""

    def make(*set_names):
        generator = torch.Generator().manual_seed(0)
        everywhere = torch.ones(VERTS, dtype=torch.bool)
        sets = {
            name: LandmarkSet.from_vertices(np.arange(SET_SIZES[name]) + offset)
            for offset, name in enumerate(set_names)
        }
        data = FaceModelData(
            mean_mm=60 * torch.randn(VERTS, 3, generator=generator),
            identity_basis_mm=3 * torch.randn(IDENTITY, VERTS, 3, generator=generator),
            expression_basis_mm=3 * torch.randn(EXPRESSION, VERTS, 3, generator=generator),
            albedo_mean=torch.full((VERTS, 3), 0.5),
            albedo_basis=torch.zeros(0, VERTS, 3),
            faces=torch.tensor([[0, 1, 2]]),
            face_part=torch.tensor([0]),
            part_names=("skin",),
            uv=torch.zeros(VERTS, 2),
            weld=torch.arange(VERTS),
            mirror=torch.arange(VERTS),
            regions={"narrow_face": everywhere, "face": everywhere},
            landmarks=sets,
            expression_names=tuple("abcd"),
            expression_bounds=(0.0, 1.0),
        )
        return FaceModel(data)

    return make


@pytest.fixture(scope="session")
def toy_model(make_toy_model):
    """A face model with all landmark sets."""
    return make_toy_model(*SET_SIZES)


@pytest.fixture(scope="session")
def toy_weights(tmp_path_factory):
    """Path of a very small regressor's random weights."""
    torch.manual_seed(1)
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
    network = Regressor(RegressorConfig(IDENTITY + EXPRESSION + 9, backbone=backbone)).eval()
    torch.nn.init.normal_(network.head.weight, std=0.1)
    path = tmp_path_factory.mktemp("weights") / "toy.safetensors"
    save_regressor(network, RegressorInfo("pretrain", "0" * 64, IDENTITY, EXPRESSION), path)
    return path


@pytest.fixture(scope="session")
def toy_regressor(toy_weights):
    return CoefficientRegressor.load(toy_weights)


@pytest.fixture(scope="session")
def toy_mapped(toy_model, tmp_path_factory):
    """A very small regressor that sees landmarks, with random weights."""
    torch.manual_seed(1)
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125, in_channels=4)
    config = RegressorConfig(IDENTITY + EXPRESSION + 9, backbone=backbone, landmark_map=LandmarkMapConfig())
    network = Regressor(config).eval()
    torch.nn.init.normal_(network.head.weight, std=0.1)
    path = tmp_path_factory.mktemp("weights") / "mapped.safetensors"
    save_regressor(network, RegressorInfo("twodasl", "0" * 64, IDENTITY, EXPRESSION), path)
    return CoefficientRegressor.load(path)


@pytest.fixture(scope="session")
def toy_tools(toy_regressor, toy_model):
    """What evaluations use of a `Reconstructor`; its detector sees nothing."""
    made_with = MadeWith("0.0", "toy", "pretrain", {"toy.safetensors": toy_regressor.sha256})
    return SimpleNamespace(
        regressor=toy_regressor,
        face_model=toy_model,
        detector=SimpleNamespace(detect_photos=lambda photos: [[] for _ in photos]),
        made_with=made_with,
    )
