"""A small source of six people, one of them held out, and how it is labelled."""

import pytest
from known_faces import few_modes_model, known_faces

from monoface.data.people.config import PeopleConfig
from monoface.data.profiling.photo_turner import TurnConfig
from monoface.facemodel.estimation.population import PopulationConfig


@pytest.fixture(scope="session")
def model():
    return few_modes_model()


@pytest.fixture(scope="session")
def people_config():
    """Few rounds, no turned views; identities are told by exact marks."""
    return PeopleConfig(
        rounds=3, single_rounds=2, turn=TurnConfig(views=0), photos_per_shard=9,
        population=PopulationConfig(rounds=2, ridge=3.0),
    )  # fmt: skip


@pytest.fixture(scope="session")
def six_people():
    """Four photos of each, from the front."""
    return known_faces([number // 4 for number in range(24)])
