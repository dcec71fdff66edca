"""The rig of the shipped face model, and heads of a few people."""

import pytest
import torch

from monoface.facemodel import load_default_model
from monoface.rigging.rig import HeadRig


@pytest.fixture(scope="session")
def shipped():
    return load_default_model()


@pytest.fixture(scope="session")
def rig(shipped):
    return HeadRig.of(shipped.data)


@pytest.fixture(scope="session")
def people(shipped):
    """Identity coefficients: the mean, and some at random."""
    drawn = torch.randn(12, shipped.identity_size, generator=torch.Generator().manual_seed(5))
    return torch.cat((torch.zeros(1, shipped.identity_size), drawn))


@pytest.fixture(scope="session")
def neutrals(shipped, people):
    return shipped.shape(people, torch.zeros(len(people), shipped.expression_size)).numpy()


@pytest.fixture(scope="session")
def mesh(shipped, rig, people, neutrals):
    return rig.mesh(neutrals[1], shipped.expression_basis_for(people[1:2])[0].numpy())
