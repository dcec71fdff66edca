import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ConfigError, ModelFileError
from monoface.networks import Translator, TranslatorConfig, load_translator, save_translator

SMALL = TranslatorConfig(in_channels=3, widths=(4, 6, 8), out_channels=2, fold=1)


def test_the_published_form_has_22_million_weights():
    network = Translator(TranslatorConfig.published())
    assert 21.5e6 < sum(weight.numel() for weight in network.parameters()) < 22.5e6
    assert network.config.multiple == 512


@pytest.mark.parametrize("upsampling", ["transposed", "bilinear"])
def test_maps_keep_their_size_and_lie_in_range(rng, upsampling):
    network = Translator(TranslatorConfig(3, (4, 6, 8), 2, upsampling, fold=1))
    torch.nn.init.normal_(network.last.weight, std=30)
    found = network(torch.randn(3, 3, 8, 12, generator=rng))
    assert found.shape == (3, 2, 8, 12)
    assert float(found.detach().abs().max()) <= 1


@pytest.mark.parametrize(("fold", "repeats"), [(2, 1), (1, 2), (2, 3)])
def test_folded_and_deepened_networks_keep_sizes(rng, fold, repeats):
    network = Translator(TranslatorConfig(3, (4, 6, 8), 2, fold=fold, repeats=repeats))
    assert network.config.multiple == 4 * fold
    assert network(torch.randn(3, 3, 8, 16, generator=rng)).shape == (3, 2, 8, 16)


def test_texels_of_a_folded_network_stay_where_they_are(rng):
    """A change at one texel changes the output around it most."""
    network = Translator(TranslatorConfig(1, (8, 8), 1, fold=2))
    torch.nn.init.normal_(network.last.weight, std=0.3)
    maps = torch.randn(1, 1, 32, 32, generator=rng)
    changed = maps.clone()
    changed[..., 20, 9] += 3
    rows, columns = (network(changed) - network(maps)).detach().abs()[0, 0].gt(1e-6).nonzero().T
    assert abs(float(rows.float().mean()) - 20) < 4
    assert abs(float(columns.float().mean()) - 9) < 4


def test_untrained_networks_displace_next_to_nothing(rng):
    found = Translator(SMALL)(torch.rand(2, 3, 16, 16, generator=rng))
    assert float(found.detach().abs().max()) < 0.05


def test_sides_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="multiples of 4"):
        Translator(SMALL)(torch.zeros(1, 3, 6, 8))


def test_configurations_without_width_are_refused():
    with pytest.raises(ConfigError, match="two widths, all positive"):
        TranslatorConfig(widths=(4,))
    with pytest.raises(ConfigError, match="fold and repeats of at least 1, got 0 and 1"):
        TranslatorConfig(fold=0)


def test_saved_networks_compute_the_same(tmp_path, rng):
    network = Translator(SMALL).half().float()
    save_translator(network, {"texture_px": 64}, tmp_path / "t.safetensors")
    loaded, info = load_translator(tmp_path / "t.safetensors")
    maps = torch.rand(1, 3, 8, 8, generator=rng)
    assert info == {"texture_px": 64}
    assert_close(loaded(maps), network(maps))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "t.safetensors").write_bytes(b"no network")
    with pytest.raises(ModelFileError, match="cannot be read as a translator"):
        load_translator(tmp_path / "t.safetensors")
