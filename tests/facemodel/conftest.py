"""The synthetic head, on which the face model's tests run."""

import pytest
from synthetic_head import synthetic_head, synthetic_head_data


@pytest.fixture(scope="session")
def head_data():
    return synthetic_head_data()


@pytest.fixture(scope="session")
def head():
    return synthetic_head()
