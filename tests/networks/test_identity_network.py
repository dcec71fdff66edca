"""The small identity encoder and its file."""

import pytest
import torch
from torch.testing import assert_close

from monoface.core.assets import asset_path
from monoface.core.errors import ConfigError, ModelFileError
from monoface.networks import (
    IdentityEncoder,
    IdentityNetwork,
    IdentityNetworkConfig,
    Regressor,
    RegressorConfig,
    ResNetConfig,
    load_identity_encoder,
    load_regressor,
    save_identity_encoder,
)

SMALL = IdentityNetworkConfig(size_px=40, blocks=(1, 1, 1), width=0.125, parts=8, features=6)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return IdentityNetwork(SMALL).eval()


def test_it_gives_unit_vectors_and_keeps_its_contract(encoder, rng):
    assert isinstance(encoder, IdentityEncoder)
    assert encoder.size_px == 40
    vectors = encoder.embed(torch.rand(3, 3, 40, 40, generator=rng))
    assert_close(vectors.norm(dim=1), torch.ones(3))


def test_samples_do_not_see_each_other(encoder, rng):
    image = torch.rand(3, 3, 40, 40, generator=rng)
    assert_close(encoder.embed(image)[1:2], encoder.embed(image[1:2]))


def test_it_knows_where_it_looks(encoder, rng):
    # Averaged features would not see that a picture is mirrored by places.
    image = torch.rand(1, 3, 40, 40, generator=rng)
    assert (encoder.embed(image) - encoder.embed(image.flip(-1))).abs().max() > 1e-4


def test_the_trunk_is_that_of_a_regressor(encoder, rng):
    backbone = ResNetConfig(blocks=(1, 1, 1, 2), width=0.125)
    regressor = Regressor(RegressorConfig(7, 40, backbone)).eval()
    encoder.start_from_regressor(regressor.state_dict())
    image = torch.rand(2, 3, 40, 40, generator=rng)
    expected = regressor.backbone.stages[:3](regressor.backbone.stem(image * 2 - 1))
    assert_close(encoder.stages(encoder.stem(image * 2 - 1)), expected)


def test_a_regressor_of_other_widths_is_no_start(encoder):
    wider = Regressor(RegressorConfig(7, 40, ResNetConfig(blocks=(1, 1, 1, 1), width=0.25)))
    with pytest.raises(ConfigError, match="same first three stages, got other shapes or none for stages"):
        encoder.start_from_regressor(wider.state_dict())


def test_the_shipped_regressor_is_a_start():
    regressor, _ = load_regressor(asset_path("pretrain.safetensors"))
    encoder = IdentityNetwork(IdentityNetworkConfig())
    encoder.start_from_regressor(regressor.state_dict())
    assert_close(encoder.stem[0].weight, regressor.backbone.stem[0].weight)


def test_an_encoder_comes_back(encoder, rng, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_identity_encoder(encoder, path)
    loaded = load_identity_encoder(path)
    assert loaded.config == SMALL
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    image = torch.rand(2, 3, 40, 40, generator=rng).requires_grad_()
    # Rounded to float16.
    assert_close(loaded.embed(image), encoder.embed(image), atol=5e-3, rtol=0)
    loaded.embed(image)[0, 0].backward()
    assert image.grad.any()


@pytest.mark.parametrize("content", [b"", b"no weights", None])
def test_files_that_hold_no_encoder_are_refused(content, tmp_path):
    path = tmp_path / "damaged.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"damaged.safetensors: cannot be read as an identity encoder"):
        load_identity_encoder(path)


def test_weights_of_something_else_are_refused():
    with pytest.raises(ModelFileError, match="expected format monoface-identity-1, got monoface-regressor-1"):
        load_identity_encoder(asset_path("pretrain.safetensors"))


@pytest.mark.parametrize("wrong", [{"size_px": 8}, {"parts": 0}, {"features": 0}, {"dropout": 1.0}])
def test_impossible_encoders_are_refused(wrong):
    with pytest.raises(ConfigError, match="identity encoder: expected"):
        IdentityNetworkConfig(**wrong)


def test_eight_bits_are_enough_for_cosines(rng, tmp_path):
    torch.manual_seed(0)
    save_identity_encoder(IdentityNetwork(IdentityNetworkConfig()).eval(), tmp_path / "mine.safetensors")
    encoder = load_identity_encoder(tmp_path / "mine.safetensors")
    image = torch.rand(4, 3, 112, 112, generator=rng)
    exact = encoder.embed(image)
    mixed = load_identity_encoder(tmp_path / "mine.safetensors", mixed=True)
    coarse = mixed.embed(image.requires_grad_())
    assert coarse.dtype == torch.float32
    assert (exact * coarse).sum(dim=-1).min() > 0.999
    (gradient,) = torch.autograd.grad(coarse[:, 0].sum(), image)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0
