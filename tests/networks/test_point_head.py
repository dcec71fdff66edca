"""Networks that find points: in the picture, in files and in ONNX Runtime."""

import dataclasses
import math

import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.networks import (
    Regressor,
    RegressorConfig,
    RegressorInfo,
    ResNetConfig,
    load_regressor,
    save_regressor,
)
from monoface.networks.onnx.regressor import regressor_to_onnx
from monoface.networks.storage import weights_of

SMALL = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)


def network(points: int, backbone: ResNetConfig = SMALL, size_px: int = 41) -> Regressor:
    torch.manual_seed(0)
    return Regressor(RegressorConfig(16, size_px, backbone, points=points)).eval()


def moved(regressor: Regressor) -> Regressor:
    """The network with norms that are not at their start."""
    for module in regressor.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.2)
            nn.init.normal_(module.running_mean, 0.0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    nn.init.normal_(regressor.point_head.place.weight, std=0.05)
    return regressor


@pytest.mark.parametrize("size_px", [40, 41, 120, 121, 128])
@pytest.mark.parametrize("last_stride", [1, 2])
def test_the_side_of_the_feature_map(size_px, last_stride):
    backbone = dataclasses.replace(SMALL, last_stride=last_stride)
    image = torch.zeros(1, 3, size_px, size_px)
    regressor = network(5, backbone, size_px)
    assert regressor.backbone.feature_map(image).shape[-2:] == 2 * (backbone.map_side(size_px),)
    assert regressor.regress(image).points.shape == (1, 5, 3)


def test_untrained_points_lie_where_they_are_put():
    regressor = network(3)
    layout = torch.tensor([[0.2, 0.4], [0.5, 0.5], [0.9, 0.1]])
    regressor.point_head.begin_at(layout)
    points = regressor.regress(torch.rand(2, 3, 41, 41)).points
    assert_close(points[..., :2], layout.expand(2, 3, 2), rtol=0, atol=0.05)
    assert_close(points[..., 2], torch.full((2, 3), math.log(0.03)), rtol=0, atol=0.05)


def test_points_leave_the_outputs_as_they_are(rng):
    plain, with_points = network(0), network(7)
    with_points.load_state_dict(plain.state_dict(), strict=False)
    image = torch.rand(2, 3, 41, 41, generator=rng)
    output, log_error = plain(image)
    found = with_points.regress(image)
    assert torch.equal(found.output, output)
    assert torch.equal(found.log_error, log_error)
    assert plain.regress(image).points.shape == (2, 0, 3)
    assert "point_head.place.weight" not in plain.state_dict()


def test_points_teach_the_backbone(rng):
    regressor = moved(network(4)).train()
    regressor.regress(torch.rand(3, 3, 41, 41, generator=rng)).points.square().sum().backward()
    assert all(weight.grad.isfinite().all() for weight in regressor.backbone.parameters())
    assert regressor.backbone.stem[0].weight.grad.any()


def test_points_keep_their_precision_under_autocast(rng):
    regressor = moved(network(4))
    with torch.autocast("cpu", torch.bfloat16):
        points = regressor.regress(torch.rand(2, 3, 41, 41, generator=rng)).points
    assert points.dtype == torch.float32
    assert not torch.equal(points, points.bfloat16().float())


def test_a_network_comes_back_with_its_points(tmp_path, rng):
    regressor = moved(network(4))
    info = RegressorInfo("monoface", "0" * 64, 4, 3, point_sets=(("ibug68", 1), ("facemesh468", 3)))
    save_regressor(regressor, info, tmp_path / "points.safetensors")
    back, known = load_regressor(tmp_path / "points.safetensors")
    assert known == info
    image = torch.rand(2, 3, 41, 41, generator=rng)
    assert_close(back.regress(image).points, regressor.regress(image).points, rtol=0.02, atol=2e-3)


def test_onnx_runtime_finds_the_same_points():
    regressor = moved(network(4))
    read = weights_of(regressor)
    content = regressor_to_onnx(read.config, read.weights)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    image = torch.rand(3, 3, 41, 41)
    points = torch.from_numpy(session.run(["points"], {"image": image.numpy()})[0])
    with torch.no_grad():
        expected = regressor.regress(image).points
    assert_close(points.unflatten(1, (-1, 3)), expected, rtol=1e-4, atol=1e-5)


def test_a_negative_number_of_points_is_refused():
    with pytest.raises(ConfigError, match="at least 0, got -1"):
        RegressorConfig(16, points=-1)
