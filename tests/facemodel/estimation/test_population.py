"""Populations: weights, mean and covariance of people whose identities are made here."""

import numpy as np
import pytest

from monoface.facemodel.estimation._population_weights import (
    PhotosOfPeople,
    generalised_least_squares,
    seen_through,
)
from monoface.facemodel.estimation.population import (
    PeopleSeen,
    Population,
    PopulationConfig,
    learn_population,
    size_direction,
)

PEOPLE, FEATURES, SIZE = 400, 6, 3
LOOSE = PopulationConfig(ridge=1e-3, prior_people=1.0, mean_weight=0.0, rounds=6)


def seen_people(mean=0.0, sd=0.4, precision=50.0, kind=None, seed=0):
    """People with one to three photos each, whose identities follow from the features; and the truth."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(PEOPLE), np.arange(PEOPLE) % 3 + 1)
    features = rng.normal(size=(PEOPLE, FEATURES))
    weights = rng.normal(size=(FEATURES, SIZE))
    identity = features @ weights + mean + sd * rng.normal(size=(PEOPLE, SIZE))
    information = np.tile(precision * np.eye(SIZE), (PEOPLE, 1, 1))
    marked = identity + rng.normal(size=identity.shape) / np.sqrt(precision)
    vector = precision * marked
    kind = np.zeros(PEOPLE, np.int64) if kind is None else kind
    return PeopleSeen(features[person], person, information, vector, kind), identity, weights


def test_weights_and_covariance_are_found():
    seen, _, weights = seen_people(mean=0.5)
    population = learn_population(seen, LOOSE)
    np.testing.assert_allclose(population.weights / population.spread, weights, atol=0.1)
    np.testing.assert_allclose(np.diag(population.covariance), 0.16, atol=0.05)
    at_rest = population.expected(np.zeros((1, FEATURES)))
    np.testing.assert_allclose(at_rest, np.full((1, SIZE), 0.5), atol=0.1)


def test_the_common_mean_is_held_back():
    seen, _, _ = seen_people(mean=1.0)
    found = [
        np.linalg.norm(
            learn_population(seen, PopulationConfig(ridge=1e-3, mean_weight=weight)).expected(
                np.zeros((1, FEATURES))
            )
        )
        for weight in (0.0, 0.2, 20.0)
    ]
    assert found[0] > found[1] > found[2]
    assert found[2] < 0.5 * found[0]


def test_people_of_whom_little_is_known_do_not_shrink_the_weights():
    seen, _, weights = seen_people(precision=50.0)
    blind = np.arange(PEOPLE) % 2 == 0
    information, vector = seen.information.copy(), seen.vector.copy()
    information[blind], vector[blind] = 1e-6 * information[blind], 1e-6 * vector[blind]
    half = PeopleSeen(seen.features, seen.person, information, vector, seen.kind)
    population = learn_population(half, LOOSE)
    np.testing.assert_allclose(population.weights / population.spread, weights, atol=0.15)


def test_another_kind_has_a_mean_of_its_own():
    kind = (np.arange(PEOPLE) % 2).astype(np.int64)
    seen, _, _ = seen_people(kind=kind)
    shifted = seen.vector + np.where(kind[:, None] == 1, 50.0 * 2.0, 0.0)
    population = learn_population(
        PeopleSeen(seen.features, seen.person, seen.information, shifted, kind), LOOSE
    )
    assert np.abs(population.expected(np.zeros((1, FEATURES)))).max() < 0.2


def test_unknown_features_stand_for_mean_ones():
    seen, _, _ = seen_people(mean=0.5)
    population = learn_population(seen, LOOSE)
    expected = population.expected(np.full((2, FEATURES), np.nan))
    np.testing.assert_allclose(expected, np.tile(population.mean, (2, 1)))


def test_the_posterior_lies_between_what_is_expected_and_what_is_seen():
    population = Population.standard(2)
    expected, seen = np.array([[1.0, 1.0]]), np.array([[4.0, 1.0]])
    information = np.diag((3.0, 0.0))[None]
    found = population.posterior(expected, information, (information @ seen[..., None])[..., 0])
    np.testing.assert_allclose(found.mean, [[(1 + 3 * 4) / 4, 1.0]])
    np.testing.assert_allclose(found.covariance, [np.diag((0.25, 1.0))])


def test_arrays_give_back_the_population():
    population = learn_population(seen_people()[0], LOOSE)
    again = Population.from_arrays(population.as_arrays())
    for name in ("centre", "spread", "weights", "mean", "covariance"):
        np.testing.assert_allclose(getattr(again, name), getattr(population, name), rtol=1e-6, atol=1e-7)


def test_conjugate_gradients_meet_the_dense_solution():
    rng = np.random.default_rng(1)
    person = np.array([0, 0, 1, 2, 2, 2, 4])
    photos = PhotosOfPeople.of(person, 5)
    rows = rng.normal(size=(7, 4))
    half = rng.normal(size=(5, SIZE, SIZE))
    matrix, target = half @ half.transpose(0, 2, 1), rng.normal(size=(5, SIZE))
    penalty = np.full((4, 1), 0.1)
    start = np.zeros((4, SIZE))
    found = generalised_least_squares(rows, photos, (matrix, target), penalty, start, 200)
    size = 4 * SIZE
    dense = 0.1 * np.eye(size)
    right = np.zeros(size)
    share = 1 / np.bincount(person, minlength=5)[person]
    # Each photo is a term of its own, divided among a person's photos.
    for row, one, part in zip(rows, person, share, strict=True):
        dense += part * np.kron(np.outer(row, row), matrix[one])
        right += part * np.kron(row, target[one])
    np.testing.assert_allclose(found.ravel(), np.linalg.solve(dense, right), rtol=1e-4, atol=1e-6)


def test_evidence_is_seen_through_the_covariance():
    information, vector = np.array([[[4.0]], [[0.0]]]), np.array([[8.0], [0.0]])
    matrix, target = seen_through(information, vector, np.array([[0.25]]))
    # 1 / (1 / 4 + 1 / 4), and nothing where nothing is seen.
    np.testing.assert_allclose(matrix[:, 0, 0], [2.0, 0.0])
    np.testing.assert_allclose(target[:, 0], [4.0, 0.0])


def test_means_over_photos_are_those_of_each_person():
    photos = PhotosOfPeople.of(np.array([2, 0, 2]), 3)
    np.testing.assert_allclose(photos.mean(np.array([[1.0], [5.0], [3.0]])), [[5.0], [0.0], [2.0]])
    np.testing.assert_allclose(photos.shared(np.array([[5.0], [0.0], [2.0]])), [[1.0], [5.0], [1.0]])


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_only_modes_that_enlarge_a_face_have_a_size(factor):
    rng = np.random.default_rng(2)
    points = rng.normal(size=(40, 3))
    points -= points.mean(axis=0)
    turn = np.cross(points, (0.0, 0.0, 1.0))
    found = size_direction(factor * points, np.stack((0.1 * factor * points, factor * turn)))
    np.testing.assert_allclose(found, [0.1, 0.0], atol=1e-12)
