"""Our regressors as predictors, with a small face model and a network of random weights."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from monoface.core.errors import ModelFileError
from monoface.evaluation.aflw import crop_predictor
from monoface.evaluation.predictors import RegressorPredictor
from monoface.facemodel import FaceModel, FaceModelData, LandmarkSet
from monoface.geometry.crops import crop_and_resize, crop_to_photo
from monoface.networks import Regressor, RegressorConfig, RegressorInfo
from monoface.networks.backbones import ResNetConfig
from monoface.pipeline.regression import CoefficientRegressor

VERTS, IDENTITY, EXPRESSION = 90, 5, 4
BOX = np.array([30.0, 40, 150, 160])


def make_model(names=("ibug68", "ibug68_reannotated", "aflw21")):
    generator = torch.Generator().manual_seed(0)
    half = torch.ones(VERTS, dtype=torch.bool)
    counts = {"ibug68": 68, "ibug68_reannotated": 68, "aflw21": 21}
    sets = {
        name: LandmarkSet.from_vertices(np.arange(counts[name]) + offset) for offset, name in enumerate(names)
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
        regions={"narrow_face": half, "face": half},
        landmarks=sets,
        expression_names=tuple("abcd"),
        expression_bounds=(0.0, 1.0),
    )
    return FaceModel(data)


@pytest.fixture(scope="module")
def regressor():
    torch.manual_seed(1)
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
    network = Regressor(RegressorConfig(IDENTITY + EXPRESSION + 9, backbone=backbone)).eval()
    torch.nn.init.normal_(network.head.weight, std=0.1)
    info = RegressorInfo("pretrain", "0" * 64, IDENTITY, EXPRESSION)
    return CoefficientRegressor(network, info, name="toy", sha256="1" * 64)


def photo(seed=0):
    """Smooth colours, 200 x 230."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(0, 255, (13, 15, 3))
    return np.kron(coarse, np.ones((16, 16, 1)))[:200, :230].astype(np.uint8)


def test_landmarks_come_out_in_the_photo(regressor):
    model = make_model()
    found = RegressorPredictor(regressor, model)([photo()], BOX[None])
    regression = regressor.predict(torch.from_numpy(crop_and_resize(photo(), BOX, 120))[None])
    for points_px, name in [(found.original_px, "ibug68"), (found.reannotated_px, "ibug68_reannotated")]:
        in_crop = regression.landmarks_px(model.subset(model.landmarks(name))).numpy()
        assert_allclose(points_px, crop_to_photo(in_crop, BOX[None], 120), rtol=1e-4)
    assert not np.allclose(found.original_px, found.reannotated_px)
    assert abs(found.yaw_deg[0]) < 90


def test_landmarks_move_with_the_photo(regressor):
    predict = RegressorPredictor(regressor, make_model())
    image, shift = photo(), np.array([17, -11])
    moved = np.zeros_like(image)
    moved[: 200 - 11, 17:] = image[11:, : 230 - 17]
    first = predict([image], BOX[None])
    second = predict([moved], BOX[None] + np.tile(shift, 2))
    assert_allclose(second.original_px, first.original_px + shift, atol=1e-3)
    assert_allclose(second.yaw_deg, first.yaw_deg, atol=1e-3)


def test_faces_of_a_batch_do_not_influence_each_other(regressor):
    predict = RegressorPredictor(regressor, make_model(), passes=2)
    images = [photo(seed) for seed in range(3)]
    boxes = BOX + np.array([[0, 0, 0, 0], [5, 9, 5, 9], [-20, 3, 30, 53]])
    together = predict(images, boxes)
    for row in range(3):
        alone = predict(images[row : row + 1], boxes[row : row + 1])
        assert_allclose(together.original_px[row], alone.original_px[0], atol=2e-3)


def test_a_second_pass_sees_another_crop(regressor):
    model = make_model()
    once = RegressorPredictor(regressor, model)([photo()], BOX[None])
    twice = RegressorPredictor(regressor, model, passes=2)([photo()], BOX[None])
    assert not np.allclose(once.original_px, twice.original_px, atol=0.5)


def test_a_face_model_without_the_sets_is_refused(regressor):
    with pytest.raises(ModelFileError, match="landmark set ibug68_reannotated"):
        RegressorPredictor(regressor, make_model(names=("ibug68",)))


def test_points_of_aflw_stay_in_the_crop(regressor):
    model = make_model()
    crops = np.stack([crop_and_resize(photo(seed), BOX, 120) for seed in range(2)])
    points_px = crop_predictor(regressor, model)(crops)
    expected = regressor.predict(torch.from_numpy(crops)).landmarks_px(
        model.subset(model.landmarks("aflw21"))
    )
    assert_allclose(points_px, expected.numpy(), rtol=1e-6)
