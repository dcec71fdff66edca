"""Descriptor and network in one guarded map."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.core.errors import ConfigError
from monoface.facemodel.estimation.input_domain import TURN_DEG
from monoface.training.likeness.joining import (
    GuardConfig,
    JoinConfig,
    LearnedPeople,
    find_domain,
    find_elsewhere,
)
from monoface.training.likeness.people_map import PeopleMap

SIZE, SEEN, PHOTOS = 5, 128, 900


@pytest.fixture(scope="module")
def learned():
    rng = np.random.default_rng(0)
    people = PeopleMap(
        rng.normal(size=(SEEN, SIZE)),
        rng.normal(size=SIZE),
        np.eye(SIZE),
        rng.normal(size=SIZE),
        3 * np.eye(SIZE),
    )
    return LearnedPeople(people, rng.normal(size=SIZE), rng.normal(size=SIZE))


def test_shares_move_shapes_away_from_the_mean(learned):
    rng = np.random.default_rng(1)
    seen = {"descriptor": rng.normal(size=(3, SEEN)), "regressed": rng.normal(size=(3, SIZE))}
    seen["measured"] = rng.normal(size=(3, SIZE))
    found = learned.joined(JoinConfig(0.8, 0.3, 0.1))(seen).mean
    people = learned.of_descriptor
    mean = people.population_mean
    expected = (
        mean
        + 0.8 * (people(seen["descriptor"]) - mean)
        + 0.3 * (seen["regressed"] - learned.regressed_mean)
        + 0.1 * (seen["measured"] - learned.measured_mean)
    )
    assert_allclose(found, expected)


def test_what_has_no_share_is_not_asked_for(learned):
    known = learned.joined(JoinConfig(1.0))
    assert known.inputs == (("descriptor", SEEN),)
    assert not known.sees("measured")


@pytest.fixture(scope="module")
def photos():
    rng = np.random.default_rng(2)
    mixing = rng.normal(size=(SEEN, SEEN)) / np.sqrt(SEEN)
    return rng.normal(size=(PHOTOS, SEEN)) @ mixing


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_ordinary_photos_are_believed_and_pictures_of_another_kind_not(photos, spread):
    """Whether these scatter less or more than photos do."""
    rng = np.random.default_rng(3)
    towards = photos[:700].std(axis=0) * np.where(rng.uniform(size=SEEN) > 0.5, 1.0, -1.0)
    strange = towards + spread * photos[rng.permutation(200)] + 0.01
    domain = find_domain(photos[:700], strange[:150], GuardConfig())
    trust = domain.trust({"descriptor": photos[700:], TURN_DEG: np.zeros((200, 1))})
    assert trust.mean() > 0.85
    other = domain.trust({"descriptor": strange[150:], TURN_DEG: np.zeros((50, 1))})
    assert other.mean() < 0.15


def test_whoever_says_most_of_drawn_heads_is_taken_for_what_it_was_worth(photos):
    rng = np.random.default_rng(4)
    true = rng.normal(size=(400, SIZE))
    said = {
        "regressed": rng.normal(size=true.shape),
        "measured": true / 2 + 0.1 * rng.normal(size=true.shape),
    }
    elsewhere = find_elsewhere(find_domain(photos, photos[:50] + 1, GuardConfig()), said, true)
    assert elsewhere.source == ("measured", SIZE)
    assert_allclose(np.diag(elsewhere.weight), 2 / (1 + 0.04), rtol=0.05)
    assert_allclose(np.diag(elsewhere.covariance), 0.04, rtol=0.3)


def test_refused_numbers():
    with pytest.raises(ConfigError, match="expected shares of at least 0"):
        JoinConfig(-1.0)
    with pytest.raises(ConfigError, match="beyond above 1"):
        GuardConfig(beyond=0.5)
