"""The method that learns to tell people apart."""

import pytest
import torch

from monoface.data.batches.identity_batch import IdentityBatch
from monoface.methods.identity import Identity, IdentityConfig
from monoface.networks import IdentityNetworkConfig

CONFIG = IdentityConfig(
    network=IdentityNetworkConfig(
        size_px=48, blocks=(1, 1, 1), width=0.125, parts=16, features=8, dropout=0.0
    )
)


@pytest.fixture
def batch(rng):
    return IdentityBatch(torch.rand(8, 3, 48, 48, generator=rng), torch.arange(8) % 4)


@pytest.fixture
def method():
    torch.manual_seed(0)
    return Identity(4, CONFIG)


def test_it_overfits_one_batch(method, batch):
    optimiser = torch.optim.Adam(method.networks["identity"].parameters(), lr=0.01)
    first = method.step(batch).terms
    for _ in range(40):
        optimiser.zero_grad()
        result = method.step(batch)
        result.total["identity"].backward()
        optimiser.step()
    assert result.terms["margin_softmax"] < 0.1 * first["margin_softmax"]
    assert result.terms["right"] == 1.0


def test_cosines_are_cosines(method, batch):
    cosines = method.classifier(batch.image)
    assert cosines.shape == (8, 4)
    assert cosines.abs().max() <= 1 + 1e-6
    # The length of a person's vector does not matter.
    with torch.no_grad():
        method.classifier.people.mul_(3.0)
    torch.testing.assert_close(method.classifier(batch.image), cosines)


def test_the_published_margin_is_arcfaces():
    published = IdentityConfig.published().margin
    assert (published.scale, published.angle_rad, published.cosine) == (64.0, 0.5, 0.0)
