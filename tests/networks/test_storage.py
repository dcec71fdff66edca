"""Networks in files: files from before there was one module for all, and the bytes of new ones."""

import dataclasses

import pytest
import torch

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
from monoface.networks.weights_file import save_weights


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
