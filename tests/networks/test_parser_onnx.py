"""The face parser as an ONNX model that tells bare skin, against the module."""

import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from monoface.networks import FaceParser, ParserConfig, read_parser, save_parser, skin_probability
from monoface.networks.onnx.parser import parser_shapes, skin_to_onnx
from monoface.networks.storage import parser_weights_of

CONFIGS = {
    "small": ParserConfig(32, (4, 6, 8, 10), 1),
    "deep": ParserConfig(48, (4, 8, 8, 12), 3),
}


def trained(config):
    torch.manual_seed(0)
    parser = FaceParser(config)
    for module in parser.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.2)
            nn.init.normal_(module.running_mean, 0.0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return parser.eval()


@pytest.mark.parametrize("name", CONFIGS)
def test_agrees_with_the_module(name):
    parser, side = trained(CONFIGS[name]), CONFIGS[name].size_px
    content = skin_to_onnx(parser_weights_of(parser), side)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    image = torch.rand(2, 3, side, side)
    with torch.no_grad():
        expected = skin_probability(parser(image))
    (skin,) = session.run(None, {"image": image.numpy()})
    assert_close(torch.from_numpy(skin[:, 0]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_shapes_are_those_of_the_module(name):
    state = FaceParser(CONFIGS[name]).state_dict()
    expected = {key: tuple(one.shape) for key, one in state.items() if "num_batches" not in key}
    assert parser_shapes(CONFIGS[name]) == expected


def test_its_file_is_read_without_the_module(tmp_path):
    parser = trained(CONFIGS["small"])
    save_parser(parser, tmp_path / "parser.safetensors")
    read = read_parser(tmp_path / "parser.safetensors")
    assert read.config == parser.config
    for name, array in parser_weights_of(parser).weights.items():
        if "num_batches" not in name:
            assert_close(torch.from_numpy(read.weights[name]), torch.from_numpy(array), rtol=2e-3, atol=1e-3)
