"""Which photos a map may be asked about, and what is said of others."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.core.errors import ConfigError
from monoface.facemodel.estimation.identity_prior import Elsewhere, IdentityMap
from monoface.facemodel.estimation.input_domain import TURN_DEG, InputDomain

SIZE, SEEN = 3, 8


@pytest.fixture(scope="module")
def domain():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(SEEN, SEEN))
    covariance = mixing @ mixing.T + np.eye(SEEN)
    precision = np.linalg.inv(covariance)
    away = np.linalg.cholesky(covariance) @ np.array([1.0, -1.0, *(SEEN - 2) * (0.0,)])
    strange = precision @ away / np.sqrt(away @ precision @ away)
    ranges = {"distance": (2.0, 3.0), "strangeness": (2.0, 4.0), "turn_deg": (45.0, 80.0)}
    return InputDomain("look", rng.normal(size=SEEN), precision, strange, **ranges)


@pytest.fixture(scope="module")
def guarded(domain):
    rng = np.random.default_rng(1)
    elsewhere = Elsewhere(domain, ("said", SIZE), 0.5 * np.eye(SIZE), np.ones(SIZE), 4 * np.eye(SIZE))
    return IdentityMap(
        (("look", SEEN),),
        rng.normal(size=(SIZE, SEEN)),
        rng.normal(size=SIZE),
        np.eye(SIZE),
        np.zeros(SIZE),
        9 * np.eye(SIZE),
        elsewhere,
    )


def seen_at(domain, distance, turn=0.0):
    """Inputs of one photo at a distance from the mean of ordinary ones."""
    root = np.linalg.cholesky(np.linalg.inv(domain.precision))
    direction = root @ np.full(SEEN, 1.0)
    look = domain.centre + distance * direction
    return {"look": look[None], "said": np.array([[2.0, -2.0, 4.0]]), TURN_DEG: np.array([[float(turn)]])}


def test_distances_are_those_of_ordinary_photos(domain):
    rng = np.random.default_rng(2)
    root = np.linalg.cholesky(np.linalg.inv(domain.precision))
    photos = domain.centre + rng.normal(size=(20_000, SEEN)) @ root.T
    assert_allclose(np.sqrt(np.square(domain.distances(photos)).mean()), 1, rtol=0.02)
    assert_allclose(domain.distances(seen_at(domain, 2.5)["look"]), 2.5)


@pytest.mark.parametrize(
    ("distance", "turn", "trust"),
    [(1.0, 0, 1.0), (2.0, 45, 1.0), (2.5, 0, 0.5), (3.0, 0, 0.0), (9.0, 0, 0.0), (1, 62.5, 0.5), (1, -90, 0)],
)
def test_trust_falls_smoothly(domain, distance, turn, trust):
    assert_allclose(domain.trust(seen_at(domain, distance, turn)), [trust], atol=1e-9)


@pytest.mark.parametrize(("along", "trust"), [(-9.0, 0.0), (-1.0, 1.0), (2.0, 1.0), (3.0, 0.5), (4.0, 0.0)])
def test_pictures_of_a_known_other_kind_are_told_by_their_direction(domain, along, trust):
    """They may be as near to the mean as photos are."""
    covariance = np.linalg.inv(domain.precision)
    towards = covariance @ domain.strange
    look = domain.centre + along * towards
    assert_allclose(domain.strangenesses(look[None]), [along])
    assert_allclose(domain.distances(look[None]), [abs(along) / np.sqrt(SEEN)])
    seen = {"look": look[None], TURN_DEG: np.zeros((1, 1))}
    assert_allclose(domain.trust(seen), [trust], atol=1e-9)


def test_ordinary_photos_are_answered_by_the_map(guarded, domain):
    seen = seen_at(domain, 1.0)
    prior = guarded(seen)
    assert_allclose(prior.mean, seen["look"] @ guarded.weight.T + guarded.bias)
    assert_allclose(prior.covariance[0], np.eye(SIZE))


def test_strange_pictures_are_answered_by_the_other_input(guarded, domain):
    prior = guarded(seen_at(domain, 5.0))
    assert_allclose(prior.mean, [[2.0, 0.0, 3.0]], atol=1e-9)
    assert_allclose(prior.covariance[0], 4 * np.eye(SIZE), atol=1e-9)


def test_between_the_two_the_surer_counts_more(guarded, domain):
    seen = seen_at(domain, 2.5)
    prior, own = guarded(seen), seen["look"] @ guarded.weight.T + guarded.bias
    assert_allclose(prior.precision[0], (0.5 * 1 + 0.5 / 4) * np.eye(SIZE), atol=1e-9)
    assert_allclose(prior.mean, (4 * own + [[2.0, 0.0, 3.0]]) / 5, atol=1e-9)


def test_photos_are_judged_one_by_one(guarded, domain):
    both = {
        name: np.concatenate((near, seen_at(domain, 5.0)[name]))
        for name, near in seen_at(domain, 1.0).items()
    }
    prior = guarded(both)
    for row, distance in enumerate((1.0, 5.0)):
        alone = guarded(seen_at(domain, distance))
        assert_allclose(prior.mean[row], alone.mean[0], atol=1e-9)
        assert_allclose(prior[row : row + 1].precision, alone.precision, atol=1e-9)
        assert_allclose(guarded.joined(prior[row : row + 1], 0.7).mean, alone.mean, atol=1e-6)


def test_what_is_watched_must_be_seen(guarded, domain):
    assert guarded.sees("said")
    assert guarded.sees(TURN_DEG)
    with pytest.raises(ConfigError, match="expected 3 numbers of said, got none"):
        guarded({name: value for name, value in seen_at(domain, 1.0).items() if name != "said"})


def test_ranges_that_do_not_grow_are_refused(domain):
    with pytest.raises(ConfigError, match=r"expected distance that grows, got 3\.0 to 2\.0"):
        replace(domain, distance=(3.0, 2.0))
