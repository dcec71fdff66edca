"""Files of a few kilobytes whose headers promise anything: refused before memory is asked for."""

import json
import tracemalloc

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from monoface.core.assets import asset_names, asset_path
from monoface.core.errors import ConfigError, ModelFileError
from monoface.networks import (
    FaceParser,
    IdentityNetworkConfig,
    ParserConfig,
    Regressor,
    RegressorConfig,
    RegressorInfo,
    ResNetConfig,
    Translator,
    TranslatorConfig,
    load_parser,
    load_regressor,
    load_translator,
    save_parser,
    save_regressor,
    save_translator,
)
from monoface.networks.weights_file import load_weights

SMALL = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)


@pytest.fixture
def path(tmp_path):
    network = Regressor(RegressorConfig(16, 48, SMALL))
    save_regressor(network, RegressorInfo("pretrain", "0" * 16, 4, 3), tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


def with_header(path, change, tensors=None):
    """The file with another header and perhaps other tensors."""
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["monoface"])
    change(header)
    save_file(load_file(path) if tensors is None else tensors, path, {"monoface": json.dumps(header)})
    return path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 8.0),
        ("width", 1e300),
        ("width", float("inf")),
        ("width", float("nan")),
        ("blocks", [10**9, 1, 1, 1]),
        ("blocks", [100, 1, 1, 1]),
        ("in_channels", 10**9),
        ("in_channels", 10**30),
    ],
)
def test_backbones_that_the_tensors_are_not_of_take_no_memory(path, name, value):
    file = with_header(path, lambda header: header["config"]["backbone"].update({name: value}))
    tracemalloc.start()
    with pytest.raises(ModelFileError, match=r"weights\.safetensors: "):
        load_regressor(file)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


@pytest.mark.parametrize(("name", "value"), [("outputs", 10**12), ("points", 10**9), ("size_px", 10**6)])
def test_heads_and_crops_are_bounded(path, name, value):
    file = with_header(path, lambda header: header["config"].update({name: value}))
    with pytest.raises(ModelFileError, match=r"weights\.safetensors: "):
        load_regressor(file)


def test_a_network_is_described_without_memory_before_it_is_built(path):
    """Nothing of an eight times wider network exists when its shapes are compared."""
    file = with_header(path, lambda header: header["config"]["backbone"].update(width=8.0))
    devices = []

    def build(header):
        config = RegressorConfig(16, 48, ResNetConfig((1, 1, 1, 1), header["config"]["backbone"]["width"]))
        network = Regressor(config)
        devices.append(network.head.weight.device.type)
        return network

    with pytest.raises(ModelFileError, match=r"stem\.0\.weight: expected shape \(512, 3, 7, 7\), got"):
        load_weights(file, "monoface-regressor-1", "a regressor", build)
    assert devices == ["meta"]


def test_a_file_without_tensors_is_refused(path):
    file = with_header(path, lambda header: None, {})
    assert file.stat().st_size < 2000
    with pytest.raises(ModelFileError, match=r"is missing.*get it anew"):
        load_regressor(file)


def test_whole_numbers_are_no_weights(path):
    tensors = load_file(path) | {"head.bias": torch.zeros(16, dtype=torch.int64)}
    with pytest.raises(ModelFileError, match=r"head.bias: expected numbers with fractions, got I64"):
        load_regressor(with_header(path, lambda header: None, tensors))


@pytest.mark.parametrize(("name", "value"), [("identity", 10**9), ("albedo", 1), ("light", True)])
def test_a_layout_of_other_outputs_is_refused(path, name, value):
    file = with_header(path, lambda header: header["info"].update({name: value}))
    with pytest.raises(ModelFileError, match="expected the 16 outputs that the network has, got"):
        load_regressor(file)


def test_reading_weights_takes_no_random_numbers_more_than_building_them(path):
    torch.manual_seed(0)
    load_regressor(path)
    after = torch.rand(1)
    torch.manual_seed(0)
    Regressor(RegressorConfig(16, 48, SMALL))
    assert torch.equal(torch.rand(1), after)


@pytest.mark.parametrize(("name", "value"), [("deep_blocks", 10**9), ("size_px", 16 * 10**6)])
def test_parsers_are_bounded(tmp_path, name, value):
    file = tmp_path / "parser.safetensors"
    save_parser(FaceParser(ParserConfig(widths=(4, 4, 4, 4))), file)
    with pytest.raises(ModelFileError, match="expected at most 128 deep blocks and crops of at most 1024"):
        load_parser(with_header(file, lambda header: header["config"].update({name: value})))


@pytest.mark.parametrize(("name", "value"), [("repeats", 10**9), ("widths", [4] * 5000), ("fold", 10**6)])
def test_translators_are_bounded(tmp_path, name, value):
    file = tmp_path / "translator.safetensors"
    save_translator(Translator(TranslatorConfig(widths=(4, 4))), {}, file)
    with pytest.raises(ModelFileError, match="expected at most 13 widths and a fold and rep"):
        load_translator(with_header(file, lambda header: header["config"].update({name: value})))


def test_faces_of_identity_encoders_are_bounded():
    with pytest.raises(ConfigError, match="expected faces of at most 1024 pixels, got 100000"):
        IdentityNetworkConfig(size_px=100_000)


def test_the_shipped_weights_load():
    """Of all kinds, so that none of the bounds is too narrow."""
    names = set(asset_names(".safetensors"))
    assert {"pretrain.safetensors", "parsing.safetensors", "detail.safetensors"} <= names
    for name in ("pretrain", "monoface"):
        if f"{name}.safetensors" in names:
            network, _ = load_regressor(asset_path(f"{name}.safetensors"))
            assert all(tensor.device.type == "cpu" for tensor in network.state_dict().values())
    assert not load_parser().training
    load_translator(asset_path("detail.safetensors"))
