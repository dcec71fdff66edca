"""Regressors as ONNX models, run by ONNX Runtime."""

import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from monoface.networks import Regressor, RegressorConfig, ResNetConfig
from monoface.networks.onnx.layers import regressor_shapes
from monoface.networks.onnx.regressor import regressor_to_onnx
from monoface.networks.storage import weights_of

SHAPES = {
    "small": ResNetConfig(blocks=(1, 1, 1, 1), width=0.125),
    "bottlenecks": ResNetConfig(blocks=(1, 2, 1, 1), width=0.125, bottleneck=True, last_stride=1),
    "four channels": ResNetConfig(blocks=(1, 1, 1, 1), width=0.125, in_channels=4),
}


def as_onnx(network):
    read = weights_of(network)
    return regressor_to_onnx(read.config, read.weights)


def trained(backbone: ResNetConfig) -> Regressor:
    """A network whose norms and heads are not at their start."""
    torch.manual_seed(0)
    network = Regressor(RegressorConfig(outputs=7, size_px=40, backbone=backbone))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.2)
            nn.init.normal_(module.running_mean, 0.0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    nn.init.normal_(network.error_head.weight)
    return network.eval()


@pytest.mark.parametrize("name", SHAPES)
def test_agrees_with_the_module(name):
    network = trained(SHAPES[name])
    content = as_onnx(network)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        image = torch.rand(batch, SHAPES[name].in_channels, 40, 40)
        output, log_error = session.run(["output", "log_error"], {"image": image.numpy()})
        with torch.no_grad():
            expected, expected_error = network(image)
        assert_close(torch.from_numpy(output), expected, rtol=1e-4, atol=1e-5)
        assert_close(torch.from_numpy(log_error[:, 0]), expected_error, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("points", [0, 5])
def test_shapes_are_those_of_the_module(name, points):
    config = RegressorConfig(outputs=7, size_px=41, backbone=SHAPES[name], points=points)
    state = Regressor(config).state_dict()
    expected = {key: tuple(one.shape) for key, one in state.items() if "num_batches" not in key}
    assert regressor_shapes(config) == expected


def test_equal_networks_give_equal_bytes():
    assert as_onnx(trained(SHAPES["small"])) == as_onnx(trained(SHAPES["small"]))
