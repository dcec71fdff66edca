"""The synthetic head, and packs whose landmarks and coefficients agree."""

import pytest
from synthetic_head import synthetic_head
from synthetic_packs import labelled_samples, landmark_samples


@pytest.fixture(scope="session")
def head():
    return synthetic_head()


@pytest.fixture(scope="session")
def labelled_pack():
    return labelled_samples()


@pytest.fixture(scope="session")
def landmark_pack(labelled_pack):
    return landmark_samples(labelled_pack)
