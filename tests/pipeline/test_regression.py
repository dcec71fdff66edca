import numpy as np
import pytest
import torch
from crop_points import crop_to_photo
from torch.testing import assert_close
from torch_results import TorchResults

from monoface.core.errors import ConfigError, ModelFileError
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.networks import (
    Regressor,
    RegressorConfig,
    RegressorInfo,
    ResNetConfig,
    load_regressor,
    save_regressor,
)
from monoface.pipeline import CoefficientRegressor


@pytest.fixture(scope="module")
def regressor(toy_files):
    return TorchResults(CoefficientRegressor.load(toy_files[1]))


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(0).integers(0, 256, (3, 120, 120, 3), dtype=np.uint8)


def test_prediction_is_that_of_the_network(regressor, crops, toy_files):
    network, _info = load_regressor(toy_files[1])
    with torch.no_grad():
        output, log_error = network(torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255)
    coefficients, camera = regressor.layout.decode(output, 120)
    found = regressor.predict(crops)
    assert_close(found.coefficients.identity, coefficients.identity, rtol=1e-4, atol=1e-4)
    assert_close(found.coefficients.rotation, coefficients.rotation, rtol=1e-4, atol=1e-4)
    assert_close(found.camera.scale_px_per_mm, camera.scale_px_per_mm, rtol=1e-4, atol=1e-4)
    assert_close(found.log_error, log_error, rtol=1e-4, atol=1e-4)
    assert len(found) == 3
    assert regressor.name == "toy"


def test_batches_do_not_matter(regressor, crops):
    together, alone = regressor.predict(crops), regressor.predict(crops[1:2])
    assert_close(together.coefficients.rotation[1:2], alone.coefficients.rotation, rtol=1e-4, atol=1e-4)


def test_arrays_and_tensors_are_the_same(regressor, crops):
    assert_close(regressor.predict(crops).log_error, regressor.predict(torch.from_numpy(crops)).log_error)


def test_landmarks_move_from_crop_to_photo(regressor, crops, toy_model):
    boxes = np.array([[-20.0, 5.0, 70.0, 95.0], [10.0, 20.0, 250.0, 260.0], [0.0, 0.0, 120.0, 120.0]])
    points = toy_model.subset(toy_model.landmarks("ibug68"))
    found = regressor.predict(crops)
    expected = crop_to_photo(found.landmarks_px(points).numpy().astype(np.float64), boxes, 120)
    in_photo = found.in_photo(boxes, 120).landmarks_px(points)
    assert_close(in_photo.double(), torch.from_numpy(expected), rtol=1e-4, atol=1e-2)


@pytest.fixture(scope="module")
def mirror(toy_model):
    return CoefficientMirror(toy_model)


def test_the_mean_with_the_mirror_image(regressor, crops, mirror):
    direct, shown = regressor.predict(crops), regressor.predict(np.ascontiguousarray(crops[:, :, ::-1]))
    turned = mirror(shown.coefficients, torch.ones(3, dtype=torch.bool))
    found = regressor.predict(crops, mirror=mirror)
    expected = (
        regressor.layout.encode(direct.coefficients, direct.camera, 120)
        + regressor.layout.encode(turned, shown.camera, 120)
    ) / 2
    coefficients, camera = regressor.layout.decode(expected, 120)
    assert_close(found.coefficients.identity, coefficients.identity, rtol=1e-4, atol=1e-4)
    assert_close(found.coefficients.rotation, coefficients.rotation, rtol=1e-4, atol=1e-4)
    assert_close(found.camera.scale_px_per_mm, camera.scale_px_per_mm, rtol=1e-4, atol=1e-4)
    assert_close(found.log_error, (direct.log_error + shown.log_error) / 2, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(found.coefficients.identity, direct.coefficients.identity, atol=1e-2)


def test_a_mirrored_photo_has_the_mirrored_face(mapped_weights, crops, mirror):
    """With a landmark map too. The toy's modes do not span mirrored shapes, so only its pose shows it."""
    mapped = TorchResults(CoefficientRegressor.load(mapped_weights))
    points = np.random.default_rng(2).uniform(10, 110, (3, 18, 2))
    found = mapped.predict(crops, points, mirror=mirror)
    points[..., 0] = 120 - points[..., 0]
    there = mapped.predict(np.ascontiguousarray(crops[:, :, ::-1]), points, mirror=mirror)
    back = mirror(there.coefficients, torch.ones(3, dtype=torch.bool))
    assert_close(back.rotation, found.coefficients.rotation, rtol=1e-3, atol=1e-3)
    assert_close(back.translation_mm, found.coefficients.translation_mm, rtol=1e-3, atol=1e-3)
    assert_close(there.confidence, found.confidence)


@pytest.fixture(scope="module")
def pointed_weights(toy_model, tmp_path_factory):
    """Path of random weights of a network that finds the 68 points."""
    torch.manual_seed(1)
    layout = CoefficientLayout.of(toy_model)
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
    network = Regressor(RegressorConfig(layout.size, backbone=backbone, points=68)).eval()
    torch.nn.init.normal_(network.point_head.place.weight, std=0.05)
    info = RegressorInfo("monoface", "x", layout.identity, layout.expression, point_sets=(("ibug68", 1),))
    path = tmp_path_factory.mktemp("points") / "points.safetensors"
    save_regressor(network, info, path)
    return path


@pytest.fixture(scope="module")
def pointed(pointed_weights):
    return TorchResults(CoefficientRegressor.load(pointed_weights))


def test_points_are_pixels_of_crop_and_photo(pointed, pointed_weights, crops):
    network, _info = load_regressor(pointed_weights)
    image = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        expected = network.regress(image).points
    found = pointed.predict(crops)
    assert_close(found.points.place_px, 120 * expected[..., :2], rtol=1e-4, atol=1e-3)
    assert_close(found.points.sigma_px, 120 * expected[..., 2].exp(), rtol=1e-4, atol=1e-3)
    assert_close(found[1:2].points.place_px, found.points.place_px[1:2])
    boxes = np.array([[-20.0, 5.0, 40.0, 65.0], [10.0, 20.0, 250.0, 260.0], [0.0, 0.0, 120.0, 120.0]])
    in_photo = found.in_photo(boxes, 120).points
    expected_px = crop_to_photo(found.points.place_px.numpy().astype(np.float64), boxes, 120)
    assert_close(in_photo.place_px.double(), torch.from_numpy(expected_px), rtol=1e-4, atol=1e-3)
    assert_close(in_photo.sigma_px[0], found.points.sigma_px[0] / 2)
    assert_close(in_photo.sigma_px[1], found.points.sigma_px[1] * 2)


def test_a_mirrored_photo_has_the_mirrored_points(pointed, crops, mirror):
    found = pointed.predict(crops, mirror=mirror).points
    there = pointed.predict(np.ascontiguousarray(crops[:, :, ::-1]), mirror=mirror).points
    back = there.place_px[:, mirror.points((("ibug68", 1),))]
    assert_close(back[..., 1], found.place_px[..., 1], rtol=1e-4, atol=1e-3)
    assert_close(120 - back[..., 0], found.place_px[..., 0], rtol=1e-4, atol=1e-3)
    assert pointed.predict(crops[:0], mirror=mirror).points.place_px.shape == (0, 68, 2)


def test_networks_without_points_find_none(regressor, crops):
    assert regressor.predict(crops).points is None


def test_confidence_follows_the_calibration(toy_files, crops, tmp_path):
    network, info = load_regressor(toy_files[1])
    calibrated = type(info)(**{**vars(info), "confidence": (-1.0, -2.0)})
    save_regressor(network, calibrated, tmp_path / "calibrated.safetensors")
    found = TorchResults(CoefficientRegressor.load(tmp_path / "calibrated.safetensors")).predict(crops)
    assert_close(found.confidence, torch.sigmoid(-1 - 2 * found.log_error))


def test_crops_of_another_size_are_refused(regressor):
    with pytest.raises(ValueError, match=r"\(batch, 120, 120, 3\)"):
        regressor.predict(np.zeros((1, 100, 100, 3), np.uint8))


def test_landmarks_reach_the_network_as_its_map(mapped_weights, crops):
    mapped = TorchResults(CoefficientRegressor.load(mapped_weights))
    network, _ = load_regressor(mapped_weights)
    points = np.random.default_rng(2).uniform(10, 110, (3, 18, 2))
    image = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
    assert mapped.sees_landmarks
    for landmarks in (None, points):
        with torch.no_grad():
            _, expected = network.look(image, None if landmarks is None else torch.from_numpy(landmarks))
        assert_close(mapped.predict(crops, landmarks).log_error, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(mapped.predict(crops).log_error, mapped.predict(crops, points).log_error)


def test_networks_without_a_map_take_no_landmarks(regressor, crops):
    assert not regressor.sees_landmarks
    with pytest.raises(ValueError, match="expected no landmarks"):
        regressor.predict(crops, np.zeros((3, 18, 2)))


def test_damaged_weights_are_noticed(toy_files, crops, tmp_path):
    network, info = load_regressor(toy_files[1])
    network.head.bias.data.fill_(float("nan"))
    save_regressor(network, info, tmp_path / "damaged.safetensors")
    with pytest.raises(ModelFileError, match="finite outputs"):
        CoefficientRegressor.load(tmp_path / "damaged.safetensors").predict(crops)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "no weights of that name"),
        ("no/where.safetensors", "found none"),
        ("x.safetensors", "found none"),
    ],
)
def test_weights_that_do_not_exist_are_refused(name, message):
    with pytest.raises(ConfigError, match=message):
        CoefficientRegressor.load(name)


def test_other_devices_are_refused(toy_files):
    with pytest.raises(ConfigError, match="cpu or cuda"):
        CoefficientRegressor.load(toy_files[1], "tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="no CUDA device"):
            CoefficientRegressor.load(toy_files[1], "cuda")
