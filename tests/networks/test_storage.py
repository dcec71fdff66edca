"""Networks in files: files from before there was one module for all, and the bytes of new ones."""

import dataclasses

import pytest
import torch
from safetensors.torch import save_file

from monoface.core.assets import asset_path
from monoface.core.errors import ModelFileError
from monoface.networks import (
    PARSING_CLASSES,
    FaceParser,
    IdentityNetwork,
    IdentityNetworkConfig,
    ParserConfig,
    Translator,
    TranslatorConfig,
    load_identity_encoder,
    load_parser,
    load_regressor,
    load_translator,
    save_identity_encoder,
    save_parser,
    save_translator,
)
from monoface.networks.weights_file import load_weights, save_weights, to_eight_bits


@pytest.mark.parametrize("name", ["pretrain", "twodasl", "mgcnet", "monoface"])
def test_shipped_regressors_load(name):
    regressor, info = load_regressor(asset_path(f"{name}.safetensors"))
    assert not regressor.training
    assert info.identity > 0
    assert isinstance(info.confidence, tuple)


def test_other_shipped_networks_load():
    assert isinstance(load_parser().config.widths, tuple)
    translator, info = load_translator(asset_path("detail.safetensors"))
    assert isinstance(translator.config.widths, tuple)
    assert info
    assert not any(weight.requires_grad for weight in load_identity_encoder().parameters())


def test_files_are_those_of_the_former_writers(tmp_path):
    """Byte for byte: weights, and a header with format, configuration and what else each kind has."""
    torch.manual_seed(0)
    parser, translator = FaceParser(ParserConfig()), Translator(TranslatorConfig())
    encoder = IdentityNetwork(IdentityNetworkConfig())
    save_parser(parser, tmp_path / "parser")
    save_translator(translator, {"maps": "shading"}, tmp_path / "translator")
    save_identity_encoder(encoder, tmp_path / "identity")
    formerly = {
        "parser": (parser, {"format": "monoface-parser-1", "classes": PARSING_CLASSES}),
        "translator": (translator, {"format": "monoface-translator-1", "info": {"maps": "shading"}}),
        "identity": (encoder, {"format": "monoface-identity-1"}),
    }
    for name, (network, header) in formerly.items():
        save_weights(network, header | {"config": dataclasses.asdict(network.config)}, tmp_path / "expected")
        assert (tmp_path / name).read_bytes() == (tmp_path / "expected").read_bytes()
    with pytest.raises(ModelFileError, match="expected format monoface-parser-1, got monoface-translator-1"):
        load_parser(tmp_path / "translator")


def test_weights_of_eight_bits_are_within_half_a_step_of_a_row(tmp_path):
    torch.manual_seed(3)
    network = IdentityNetwork(IdentityNetworkConfig())
    save_weights(network, {"format": "toy"}, tmp_path / "small.safetensors", eight_bits=True)
    save_weights(network, {"format": "toy"}, tmp_path / "large.safetensors")
    small, large = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("small", "large"))
    assert small < 0.6 * large
    read, _ = load_weights(
        tmp_path / "small.safetensors", "toy", "a toy", lambda _: IdentityNetwork(network.config)
    )
    for name, weight in network.state_dict().items():
        found = read.state_dict()[name]
        if weight.ndim < 2 or not weight.is_floating_point():
            continue
        step = weight.flatten(1).abs().amax(dim=1) / 127
        off = (found - weight).flatten(1).abs().amax(dim=1)
        assert bool((off <= 0.5001 * step + 1e-9).all()), name


@pytest.mark.parametrize("row", [0.0, 1e-20, 3e4])
def test_rows_of_any_size_come_back(row):
    weight = torch.tensor([[row, -row, row / 2], [1.0, 0.25, -0.5]])
    levels, step = to_eight_bits(weight)
    assert levels.dtype == torch.int8
    torch.testing.assert_close(levels.float() * step[:, None], weight, rtol=0, atol=max(row, 1.0) / 127)


def test_eight_bits_without_their_scales_are_refused(tmp_path):
    network = IdentityNetwork(IdentityNetworkConfig())
    state = {
        name: (tensor * 0).to(torch.int8) if tensor.ndim > 1 else tensor.half()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(state, tmp_path / "bare.safetensors", {"monoface": '{"format": "toy"}'})
    with pytest.raises(ModelFileError, match="cannot be read as a toy"):
        load_weights(tmp_path / "bare.safetensors", "toy", "a toy", lambda _: IdentityNetwork(network.config))
