"""Which faces there are: identities as a linear function of features, with a covariance.

A person's identity x is taken for a draw from N(W f + b, S), where f are features of one photo of the person
(a descriptor for face recognition, say). Nobody's x is known; what photos say of it comes as an information
matrix and vector. W, b and S are found over all people at once, so that those of whom little is known tell
little, instead of pulling everybody to the mean face: W and b by generalised least squares given S, S by
expectation and maximisation given them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.facemodel.estimation._population_weights import (
    PhotosOfPeople,
    generalised_least_squares,
    seen_through,
)


@dataclass(frozen=True)
class Gaussians:
    """Normal distributions of identities.

    Attributes:
        mean: Of each.
        covariance: Of each, or one for all.
    """

    mean: Float[np.ndarray, "people identity"]
    covariance: Float[np.ndarray, "#people identity identity"]


@dataclass(frozen=True)
class PopulationConfig:
    """How a population is learned.

    Attributes:
        ridge: Penalty on the squared weights of the standardised features.
        rounds: Alternations between weights and covariance.
        steps: Iterations of conjugate gradients in each.
        prior_people: Weight of the prior covariance (half of the face model's), in people.
        mean_weight: Penalty on the squared mean, per person. An offset that is common to all evidence is more
            often a bias of the marked points than a shape that all people share, and the mean of the face
            model is already a mean of scans.
    """

    ridge: float = 300.0
    rounds: int = 4
    steps: int = 60
    prior_people: float = 20.0
    mean_weight: float = 0.2


@dataclass(frozen=True)
class PeopleSeen:
    """Photos of people, and what they say of who is seen.

    Attributes:
        features: Of photos; those of a person count together as one.
        person: Whom each photo shows, as a row of the evidence.
        information: Of each person's identity.
        vector: `information` times the identity at which the evidence alone is at its best.
        kind: Of each person. People of every kind but 0 have a mean of their own, because marks of other
            sources lie elsewhere, and do not tell of the covariance.
    """

    features: Float[np.ndarray, "photos features"]
    person: Int[np.ndarray, " photos"]
    information: Float[np.ndarray, "people identity identity"]
    vector: Float[np.ndarray, "people identity"]
    kind: Int[np.ndarray, " people"]

    @property
    def telling(self) -> Bool[np.ndarray, " people"]:
        """People who tell of the covariance: those of kind 0 with photos."""
        seen = np.bincount(self.person, minlength=len(self.vector)) > 0
        return seen & (self.kind == 0)


@dataclass(frozen=True)
class Population:
    """Identities given features: N((f - centre) / spread @ weights + mean, covariance).

    Attributes:
        centre: Mean features.
        spread: One number that makes them about unit variance.
        weights: What a standardised feature adds to the identity.
        mean: Identity of mean features.
        covariance: Of what features do not tell.
    """

    centre: Float[np.ndarray, " features"]
    spread: float
    weights: Float[np.ndarray, "features identity"]
    mean: Float[np.ndarray, " identity"]
    covariance: Float[np.ndarray, "identity identity"]

    @classmethod
    def standard(cls, identity: int, features: int = 0) -> Self:
        """The face model's own: unit variance, and features that tell nothing."""
        nothing = np.zeros((features, identity))
        return cls(np.zeros(features), 1.0, nothing, np.zeros(identity), np.eye(identity))

    def expected(
        self, features: Float[np.ndarray, "photos features"]
    ) -> Float[np.ndarray, "photos identity"]:
        """Mean identity given the features of each photo; of mean features where they are NaN."""
        standard = np.nan_to_num((features - self.centre) / self.spread)
        return standard @ self.weights + self.mean

    def posterior(
        self,
        expected: Float[np.ndarray, "people identity"],
        information: Float[np.ndarray, "people identity identity"],
        vector: Float[np.ndarray, "people identity"],
    ) -> Gaussians:
        """Identities given what is expected of them and evidence in information form."""
        precision = np.linalg.inv(self.covariance)
        covariance = np.linalg.inv(information + precision)
        mean = (covariance @ (vector + expected @ precision)[..., None])[..., 0]
        return Gaussians(mean, covariance)

    def as_arrays(self) -> dict[str, np.ndarray]:
        """All of it as plain arrays, by name."""
        names = ("centre", "spread", "weights", "mean", "covariance")
        return {name: np.asarray(getattr(self, name), np.float32) for name in names}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """From what `as_arrays` gave."""
        values = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
        spread = float(values.pop("spread"))
        return cls(spread=spread, **values)


def learn_population(seen: PeopleSeen, config: PopulationConfig | None = None) -> Population:
    """Find weights, mean and covariance of people.

    Args:
        seen: The people; at least one of kind 0.
        config: Penalties and iterations.
    """
    config = config or PopulationConfig()
    size = seen.vector.shape[1]
    photos = PhotosOfPeople.of(seen.person, len(seen.vector))
    ahead = seen.kind[seen.person] == 0
    centre = seen.features[ahead].mean(axis=0)
    spread = float(seen.features[ahead].std(axis=0).mean()) or 1.0
    kinds = (seen.kind[seen.person][:, None] == np.arange(1, seen.kind.max(initial=0) + 1)).astype(float)
    standard = (seen.features - centre) / spread
    rows = np.concatenate((standard, np.ones((len(standard), 1)), kinds), axis=1)
    count = seen.features.shape[1]
    penalty = np.append(np.full(count, config.ridge), np.full(rows.shape[1] - count, 1e-3))[:, None]
    penalty[count] += config.mean_weight * len(seen.vector)

    weights, covariance = np.zeros((rows.shape[1], size)), 0.6 * np.eye(size)
    first = 0.5 * config.prior_people * np.eye(size)
    telling = seen.telling
    for _ in range(config.rounds):
        through = seen_through(seen.information, seen.vector, covariance)
        weights = generalised_least_squares(rows, photos, through, penalty, weights, config.steps)
        expected = photos.mean(rows @ weights)
        found = Population(centre, spread, weights[:count], weights[count], covariance)
        people = found.posterior(expected[telling], seen.information[telling], seen.vector[telling])
        off = people.mean - expected[telling]
        scatter = off.T @ off + people.covariance.sum(axis=0)
        covariance = (scatter + first) / (telling.sum() + config.prior_people)
    return Population(centre, spread, weights[:count], weights[count], covariance)


def size_direction(
    mean_mm: Float[np.ndarray, "points 3"], identity_mm: Float[np.ndarray, "identity points 3"]
) -> Float[np.ndarray, " identity"]:
    """How much each identity mode makes a face larger, as a part of its size.

    No photo shows how large a face is. Without a word on it, size takes up what other things should explain.
    """
    off = mean_mm - mean_mm.mean(axis=0)
    modes = identity_mm - identity_mm.mean(axis=1, keepdims=True)
    gradient: np.ndarray = np.einsum("pc,kpc->k", off, modes) / np.square(off).sum()
    return gradient
