"""The eye network: in PyTorch, as ONNX, in its file."""

import json

import numpy as np
import onnx
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from monoface.core.errors import ConfigError, ModelFileError
from monoface.networks import EyeNetwork, load_eye_network, save_eye_network
from monoface.networks.eyes.file import read_eye_network
from monoface.networks.eyes.outputs import (
    EYE_HEIGHT_PX,
    EYE_WIDTH_PX,
    IRIS,
    MARKED,
    REST,
    SHAPES,
    EyeCalibration,
    EyeNetworkConfig,
    gap_of,
)
from monoface.networks.eyes.reader import EyeReader
from monoface.networks.onnx.eyes import eye_network_to_onnx

TRUE = EyeCalibration(gap_factor=1.25, gap_offset=-0.05, blink_gain=1.5)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = EyeNetwork(EyeNetworkConfig(widths=(8, 8, 12), features=16))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0.0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


@pytest.fixture
def path(network, tmp_path):
    save_eye_network(network, tmp_path / "eyes.safetensors", TRUE)
    return tmp_path / "eyes.safetensors"


def test_the_reader_says_what_the_network_says(network, path):
    crops = np.random.default_rng(0).integers(0, 255, (3, EYE_WIDTH_PX, EYE_WIDTH_PX, 3), dtype=np.uint8)
    loaded, calibration = load_eye_network(path)
    edge = (EYE_WIDTH_PX - EYE_HEIGHT_PX) // 2
    image = torch.from_numpy(crops[:, edge:-edge]).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        found = loaded(image).numpy()
    read = EyeReader(weights=path)(crops)
    np.testing.assert_allclose(read.points.reshape(3, -1), found[:, MARKED], atol=1e-4)
    np.testing.assert_allclose(read.iris, found[:, IRIS], atol=1e-4)
    shapes = 1 / (1 + np.exp(-found[:, SHAPES]))
    np.testing.assert_allclose(read.shapes[:, 1:], shapes[:, 1:], atol=1e-4)
    # A blink beyond that of an eye at rest is stretched.
    assert shapes[:, 0].min() > REST
    np.testing.assert_allclose(
        read.shapes[:, 0], np.minimum(REST + 1.5 * (shapes[:, 0] - REST), 1), atol=1e-4
    )
    wanted = np.maximum(1.25 * gap_of(read.points) - 0.05, 0)
    np.testing.assert_allclose(read.gap, wanted, atol=1e-5)
    assert calibration == TRUE


def test_the_graph_is_valid(path):
    content = eye_network_to_onnx(read_eye_network(path))
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)


def test_gaps_are_upright_and_below_zero_where_lids_cross():
    eye = np.array([[-0.5, 0], [0.5, 0], [-0.2, -0.1], [0.2, -0.3], [0.2, 0.1], [-0.2, 0.1]])
    np.testing.assert_allclose(gap_of(np.stack((eye, eye * (1, -1)))), [0.3, -0.3])


@pytest.mark.parametrize(
    "change",
    [{"calibration": {"gap": 1.0}}, {"calibration": None}, {"config": {"widths": [8] * 9, "features": 4}}],
)
def test_damaged_headers_are_refused(path, change):
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["monoface"])
    save_file(load_file(path), path, {"monoface": json.dumps(header | change)})
    with pytest.raises(ModelFileError, match="cannot be read as an eye network"):
        load_eye_network(path)
    with pytest.raises(ModelFileError, match="cannot be read as an eye network"):
        EyeReader(weights=path)(np.zeros((1, EYE_WIDTH_PX, EYE_WIDTH_PX, 3), np.uint8))


def test_configurations_beyond_bounds_are_refused():
    with pytest.raises(ConfigError, match="expected one to seven convolutions"):
        EyeNetworkConfig(widths=())
