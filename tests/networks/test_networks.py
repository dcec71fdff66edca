"""Backbones, the regressor, and regressors on disk."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from monoface.core.assets import asset_path
from monoface.core.errors import ConfigError, ModelFileError
from monoface.networks import (
    LandmarkMapConfig,
    Regressor,
    RegressorConfig,
    RegressorInfo,
    ResNet,
    ResNetConfig,
    fold_batch_norm,
    load_regressor,
    save_regressor,
)

SMALL = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
INFO = RegressorInfo("pretrain", "0" * 64, 4, 3, confidence=(1.5, -2.0))


@pytest.fixture
def regressor():
    torch.manual_seed(0)
    network = Regressor(RegressorConfig(16, 48, SMALL))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network.eval()


@pytest.fixture
def path(regressor, tmp_path):
    save_regressor(regressor, INFO, tmp_path / "small.safetensors")
    return tmp_path / "small.safetensors"


@pytest.mark.parametrize(("height", "width"), [(48, 48), (35, 61)])
def test_outputs_of_any_picture(regressor, rng, height, width):
    output, log_error = regressor(torch.rand(3, 3, height, width, generator=rng))
    assert output.shape == (3, 16)
    assert log_error.shape == (3,)


def test_an_untrained_regressor_sees_a_mean_face():
    output, log_error = Regressor(RegressorConfig(16, 48, SMALL)).eval()(torch.rand(2, 3, 48, 48))
    assert output.abs().max() < 0.05
    assert_close(log_error.exp(), torch.full((2,), 0.05))


def test_the_error_head_does_not_influence_features(regressor, rng):
    regressor.error_head.weight.data.fill_(1.0)
    regressor(torch.rand(2, 3, 48, 48, generator=rng))[1].sum().backward()
    assert regressor.error_head.weight.grad.any()
    assert all(parameter.grad is None for parameter in regressor.backbone.parameters())


def test_samples_do_not_see_each_other(regressor, rng):
    image = torch.rand(3, 3, 48, 48, generator=rng)
    assert_close(regressor(image)[0][1:2], regressor(image[1:2])[0], rtol=1e-4, atol=1e-5)


def test_folding_changes_nothing_but_the_batch_norms(regressor, rng):
    folded = fold_batch_norm(regressor)
    image = torch.rand(2, 3, 48, 48, generator=rng)
    assert_close(folded(image), regressor(image), rtol=1e-4, atol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in regressor.modules())


def test_published_sizes():
    def parameters(config):
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in ResNet(config).parameters())

    # Those of torchvision without their last layer of 1000 classes.
    assert parameters(ResNetConfig(width=1.0)) == 11_689_512 - 513_000
    assert parameters(ResNetConfig((3, 4, 6, 3), 1.0, bottleneck=True)) == 25_557_032 - 2_049_000


@pytest.mark.parametrize(("last_stride", "side"), [(1, 7), (2, 4)])
def test_the_last_stage_of_a_resnet_50_may_keep_its_resolution(last_stride, side):
    config = ResNetConfig((1, 1, 1, 1), 0.125, bottleneck=True, last_stride=last_stride)
    network = ResNet(config).eval()
    features = network.stages(network.stem(torch.zeros(1, 3, 112, 112)))
    assert features.shape == (1, config.features, side, side)


def test_more_channels_than_three():
    network = ResNet(ResNetConfig((1, 1, 1, 1), 0.125, in_channels=5)).eval()
    assert network(torch.zeros(1, 5, 32, 32)).shape == (1, 64)


@pytest.mark.parametrize("wrong", [{"width": 0.0}, {"blocks": (1, 0, 1, 1)}, {"in_channels": 0}])
def test_impossible_networks_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected positive width, blocks and channels"):
        ResNetConfig(**wrong)


def test_a_regressor_comes_back(regressor, path, rng):
    back, info = load_regressor(path)
    assert info == INFO
    assert back.config == regressor.config
    assert not back.training
    image = torch.rand(2, 3, 48, 48, generator=rng)
    # Weights are kept in float16.
    assert_close(back(image)[0], regressor(image)[0], rtol=0.02, atol=2e-3)


def test_a_regressor_comes_back_with_its_map(tmp_path):
    config = RegressorConfig(16, 48, replace(SMALL, in_channels=4), LandmarkMapConfig.published())
    save_regressor(Regressor(config), INFO, tmp_path / "mapped.safetensors")
    assert load_regressor(tmp_path / "mapped.safetensors")[0].config == config


def test_the_shipped_weights_of_before_there_were_maps_load():
    regressor, _ = load_regressor(asset_path("pretrain.safetensors"))
    assert regressor.config.landmark_map is None


@pytest.mark.parametrize("content", [b"", b"no tensors in here", None])
def test_damaged_files_are_refused(path, content):
    path.write_bytes(path.read_bytes()[:-50] if content is None else content)
    with pytest.raises(ModelFileError, match="cannot be read as a regressor"):
        load_regressor(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match=r"none\.safetensors"):
        load_regressor(tmp_path / "none.safetensors")


def test_weights_of_another_network_are_refused(path, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in list(file.keys())[1:]}
        metadata = file.metadata()
    save_file(tensors, tmp_path / "partial.safetensors", metadata)
    with pytest.raises(ModelFileError, match="weights do not fit the network"):
        load_regressor(tmp_path / "partial.safetensors")
    save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(ModelFileError, match="expected format monoface-regressor-1, got None"):
        load_regressor(tmp_path / "other.safetensors")
