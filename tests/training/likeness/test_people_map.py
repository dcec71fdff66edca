"""A map from features to people who are known in part."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.core.errors import ConfigError
from monoface.training.likeness.people_map import KnownPeople, PeopleMap, PeopleMapConfig

PEOPLE, SIZE, SEEN = 600, 4, 6


@pytest.fixture(scope="module")
def world():
    """People whose identity depends on what is seen, of whom each is known in half of the directions."""
    rng = np.random.default_rng(0)
    weight = 0.6 * rng.normal(size=(SEEN, SIZE))
    features = rng.normal(size=(PEOPLE, SEEN))
    identity = features @ weight + 0.5 + 0.4 * rng.normal(size=(PEOPLE, SIZE))
    looked = rng.normal(size=(PEOPLE, SIZE // 2, SIZE))
    noise = 0.3
    marks = (looked @ identity[..., None])[..., 0] + noise * rng.normal(size=(PEOPLE, SIZE // 2))
    across = looked.transpose(0, 2, 1) / noise**2
    known = KnownPeople(across @ looked, (across @ marks[..., None])[..., 0])
    return features, identity, weight, known


def test_the_map_is_found(world):
    features, _, weight, known = world
    found = PeopleMap.learn(features, np.arange(PEOPLE), known, PeopleMapConfig(1.0, 60))
    assert_allclose(found.weight, weight, atol=0.12)
    assert_allclose(found.bias, 0.5, atol=0.15)
    assert_allclose(np.diag(found.covariance), 0.16, atol=0.06)
    assert_allclose(found.population_mean, 0.5, atol=0.15)


def test_people_half_known_teach_more_than_their_own_guesses(world):
    """A least-squares fit to shrunk guesses of each person is what this is better than."""
    features, identity, _, known = world
    train, test = np.arange(400), np.arange(400, PEOPLE)
    found = PeopleMap.learn(features[train], train, known[train], PeopleMapConfig(1.0, 40))
    guess, _ = known[train].posterior(np.zeros((400, SIZE)), np.eye(SIZE))
    rows = np.concatenate((features, np.ones((PEOPLE, 1))), axis=1)
    plain = rows[test] @ np.linalg.lstsq(rows[train], guess, rcond=None)[0]
    ours, theirs = (np.square(one - identity[test]).mean() for one in (found(features[test]), plain))
    assert ours < 0.8 * theirs


def test_what_all_have_in_common_is_held_back(world):
    features, _, weight, known = world
    free, held = (
        PeopleMap.learn(features, np.arange(PEOPLE), known, PeopleMapConfig(1.0, 60, mean_share=share))
        for share in (0.0, 1.0)
    )
    assert np.linalg.norm(held.bias) < 0.8 * np.linalg.norm(free.bias)
    assert_allclose(held.weight, weight, atol=0.12)


def test_photos_of_a_person_count_as_one(world):
    features, _, _, known = world
    once = PeopleMap.learn(features, np.arange(PEOPLE), known)
    rows = np.concatenate((np.arange(PEOPLE), np.zeros(50, np.int64)))
    often = PeopleMap.learn(features[rows], rows, known)
    assert_allclose(often.weight, once.weight, atol=0.02)


def test_errors_are_those_by_honest_evidence(world):
    """Evidence that counts four times as much makes errors seem others than they are."""
    features, _, _, known = world
    person = np.arange(PEOPLE)
    bold = KnownPeople(4 * known.information, 4 * known.vector)
    found = PeopleMap.learn(features, person, bold, PeopleMapConfig(1.0, 40))
    honest = found.with_errors_of(features, person, known, 60)
    assert_allclose(honest.weight, found.weight)
    assert_allclose(np.diag(honest.covariance), 0.16, atol=0.06)
    assert np.trace(honest.covariance) < np.trace(found.covariance)


def test_a_large_ridge_leaves_the_mean(world):
    features, _, _, known = world
    found = PeopleMap.learn(features, np.arange(PEOPLE), known, PeopleMapConfig(1e9))
    assert np.abs(found.weight).max() < 1e-3
    assert_allclose(found.bias, found.population_mean, atol=1e-2)


def test_refused_numbers():
    with pytest.raises(ConfigError, match="expected a round or more"):
        PeopleMapConfig(rounds=0)
