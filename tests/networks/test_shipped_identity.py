"""The identity encoder in the package."""

import torch
from torch.testing import assert_close

from monoface.core.assets import asset_path, load_card
from monoface.networks import IdentityEncoder, load_identity_encoder


def test_it_is_small_and_its_card_says_how_well_it_knows_people():
    assert asset_path("identity.safetensors").stat().st_size <= 3_000_000
    scores = load_card("identity")["verification"]
    assert scores.keys() == {"lfw", "ytf"}
    for one in scores.values():
        low, high = one["accuracy_percent_95"]
        assert 50 < low <= one["accuracy_percent"] <= high


def test_it_loads_and_embeds(rng):
    encoder = load_identity_encoder()
    assert isinstance(encoder, IdentityEncoder)
    image = torch.rand(2, 3, encoder.size_px, encoder.size_px, generator=rng)
    vectors = encoder.embed(image)
    assert_close(vectors.norm(dim=1), torch.ones(2))
