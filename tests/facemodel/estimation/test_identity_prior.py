"""Gaussians of identities from what was seen of people."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.core.errors import ConfigError
from monoface.facemodel.estimation.identity_prior import IdentityMap, IdentityPrior

SIZE, SEEN = 3, 5


@pytest.fixture(scope="module")
def people():
    """Identities of a population, and noisy numbers that depend on them linearly."""
    rng = np.random.default_rng(0)
    spread = np.array([2.0, 1.0, 0.5])
    identity = 0.3 + spread * rng.normal(size=(20_000, SIZE))
    mixing = rng.normal(size=(SEEN, SIZE))
    return identity, identity @ mixing.T + rng.normal(size=(20_000, SEEN))


@pytest.fixture(scope="module")
def fitted(people):
    """The map by least squares, with the covariance of its error."""
    identity, seen = people
    known = np.concatenate((seen, np.ones((len(seen), 1))), axis=1)
    solution = np.linalg.lstsq(known, identity, rcond=None)[0].T
    error = identity - known @ solution.T
    return IdentityMap(
        (("shape", 2), ("look", 3)),
        solution[:, :-1],
        solution[:, -1],
        np.cov(error.T),
        identity.mean(axis=0),
        np.cov(identity.T),
    )


def test_inputs_are_joined_in_their_order(fitted, people):
    _, seen = people
    prior = fitted({"look": seen[:4, 2:], "shape": seen[:4, :2], "unused": seen[:4]})
    assert_allclose(prior.mean, seen[:4] @ fitted.weight.T + fitted.bias)
    assert_allclose(prior.precision[0] @ prior.covariance[0], np.eye(SIZE), atol=1e-9)
    assert len(prior) == 4
    assert_allclose(prior[1:2].mean, prior.mean[1:2])


def test_errors_are_as_large_as_the_covariance_says(fitted, people):
    identity, seen = people
    prior = fitted({"shape": seen[:, :2], "look": seen[:, 2:]})
    away = identity - prior.mean
    assert_allclose((away @ prior.precision[0] * away).sum(axis=1).mean(), SIZE, rtol=0.02)


def test_one_photo_joined_is_that_photo(fitted, people):
    _, seen = people
    prior = fitted({"shape": seen[:1, :2], "look": seen[:1, 2:]})
    joined = fitted.joined(prior, in_common=0.5)
    assert_allclose(joined.mean, prior.mean, atol=1e-6)
    assert_allclose(joined.covariance, prior.covariance, atol=1e-6)


def test_photos_with_all_errors_in_common_are_worth_one(fitted, people):
    _, seen = people
    three = fitted({"shape": np.repeat(seen[:1, :2], 3, 0), "look": np.repeat(seen[:1, 2:], 3, 0)})
    joined = fitted.joined(three, in_common=1.0)
    assert_allclose(joined.mean, three.mean[:1], atol=1e-6)
    assert_allclose(joined.covariance, three.covariance, atol=1e-6)


def test_independent_photos_are_joined_as_by_bayes(fitted, people):
    """Numbers seen several times with independent noise, against a fit to their mean."""
    identity, _ = people
    rng = np.random.default_rng(1)
    mixing = np.random.default_rng(0)
    mixing.normal(size=(20_000, SIZE))
    matrix = mixing.normal(size=(SEEN, SIZE))
    views = identity[:2000, None] @ matrix.T + rng.normal(size=(2000, 4, SEEN))
    errors = []
    for person, seen in zip(identity, views, strict=False):
        prior = fitted({"shape": seen[:, :2], "look": seen[:, 2:]})
        errors.append(person - fitted.joined(prior, in_common=0.0).mean[0])
    covariance = fitted.joined(prior, in_common=0.0).covariance[0]
    assert_allclose(np.cov(np.array(errors).T), covariance, atol=0.15 * covariance.max())
    assert np.trace(covariance) < 0.5 * np.trace(fitted.covariance)


def test_population_is_anybody(fitted, people):
    population = fitted.population(2)
    assert_allclose(population.mean, np.repeat(people[0].mean(axis=0)[None], 2, axis=0))
    assert_allclose(IdentityPrior.of_population(2, SIZE).precision, np.eye(SIZE)[None])


def test_other_inputs_are_refused(fitted):
    with pytest.raises(ConfigError, match="expected 3 numbers of look, got none"):
        fitted({"shape": np.zeros((1, 2))})
    with pytest.raises(ConfigError, match="expected 2 numbers of shape, got 4"):
        fitted({"shape": np.zeros((1, 4)), "look": np.zeros((1, 3))})
    with pytest.raises(ConfigError, match="expected weights of 5 inputs, got 4"):
        replace(fitted, weight=fitted.weight[:, :4])
    assert fitted.sees("look")
    assert not fitted.sees("nothing")


@pytest.mark.usefixtures("as_installed")
def test_shapes_that_do_not_belong_together_are_refused():
    parts = {"bias": np.zeros(3), "covariance": np.eye(3), "population_mean": np.zeros(3)}
    parts |= {"population_covariance": np.eye(3), "weight": np.zeros((3, 0))}
    IdentityMap((), **parts)
    for name, array in (("weight", np.zeros((10**9, 0))), ("covariance", np.zeros((10**9, 0)))):
        with pytest.raises(ConfigError, match="identity map: expected"):
            IdentityMap((), **parts | {name: array})
