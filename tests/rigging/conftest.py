"""The rig of the shipped face model, and heads of a few people."""

import numpy as np
import pytest

from monoface.facemodel import load_default_model
from monoface.rigging.rig import HeadRig


@pytest.fixture(scope="session")
def shipped():
    return load_default_model().in_numpy()


@pytest.fixture(scope="session")
def rig(shipped):
    return HeadRig.of(shipped.data)


@pytest.fixture(scope="session")
def people(shipped):
    """Identity coefficients: the mean, and some at random."""
    drawn = np.random.default_rng(5).standard_normal((12, shipped.identity_size))
    return np.concatenate((np.zeros((1, shipped.identity_size)), drawn)).astype(np.float32)


@pytest.fixture(scope="session")
def neutrals(shipped, people):
    return shipped.shape(people, np.zeros((len(people), shipped.expression_size), np.float32))


@pytest.fixture(scope="session")
def mesh(shipped, rig, people, neutrals):
    return rig.mesh(neutrals[1], shipped.expression_basis_for(people[1:2])[0])
