"""Which faces there are: identities as a linear function of features, with a covariance, learned from evidence.

A person's identity x is taken for a draw from N(W f + b, S), where f are features of one photo of the person (a
descriptor for face recognition, say). Nobody's x is known; what photos say of it comes as an information matrix
and vector. W, b and S are found over all people at once, so that those of whom little is known tell little,
instead of pulling everybody to the mean face: W and b by generalised least squares given S, which conjugate
gradients solve, and S by expectation and maximisation given them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int


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
        rounds: Of covariance and weights in turn.
        steps: Of conjugate gradients in each.
        prior_people: As many people stand behind the first guess of the covariance, half of the face model's.
    """

    ridge: float = 300.0
    rounds: int = 4
    steps: int = 60
    prior_people: float = 20.0


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

    def expected(self, features: Float[np.ndarray, "photos features"]) -> Float[np.ndarray, "photos identity"]:
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


def learn_population(
    features: Float[np.ndarray, "photos features"],
    person: Int[np.ndarray, " photos"],
    information: Float[np.ndarray, "people identity identity"],
    vector: Float[np.ndarray, "people identity"],
    config: PopulationConfig | None = None,
) -> Population:
    """Find weights, mean and covariance.

    Args:
        features: Of photos; those of a person count together as one.
        person: Whom each photo shows, as a row of the evidence.
        information: Of each person's identity.
        vector: `information` times the identity at which the evidence alone is at its best.
        config: How.
    """
    config = config or PopulationConfig()
    count, size = vector.shape
    centre, spread = features.mean(axis=0), float(features.std(axis=0).mean())
    rows = np.concatenate(((features - centre) / spread, np.ones((len(features), 1))), axis=1)
    share = 1 / np.bincount(person, minlength=count)[person]
    penalty = np.append(np.full(features.shape[1], config.ridge), 1e-3)[:, None]
    weights, covariance = np.zeros((rows.shape[1], size)), 0.6 * np.eye(size)
    used = np.unique(person)
    first = 0.5 * config.prior_people * np.eye(size)
    for _ in range(config.rounds):
        seen = _seen_through(information, vector, covariance)
        weights = _least_squares(rows, person, share, penalty, seen, weights, config.steps)
        expected = np.zeros((count, size))
        np.add.at(expected, person, (rows @ weights) * share[:, None])
        people = Population(centre, spread, weights[:-1], weights[-1], covariance).posterior(
            expected, information, vector
        )
        off = (people.mean - expected)[used]
        scatter = off.T @ off + people.covariance[used].sum(axis=0)
        covariance = (scatter + first) / (len(used) + config.prior_people)
    return Population(centre, spread, weights[:-1], weights[-1], covariance)


def _seen_through(
    information: np.ndarray, vector: np.ndarray, covariance: np.ndarray
) -> tuple[Float[np.ndarray, "people identity identity"], Float[np.ndarray, "people identity"]]:
    """What evidence says of expected identities, from which each person's own is off by the covariance."""
    precision = np.linalg.inv(covariance)
    # Woodbury: (inverse of the information + covariance), inverted, for information that may be singular.
    through = information @ np.linalg.inv(information + precision)
    return information - through @ information, vector - (through @ vector[..., None])[..., 0]


def _least_squares(
    rows: np.ndarray,
    person: np.ndarray,
    share: np.ndarray,
    penalty: np.ndarray,
    seen: tuple[np.ndarray, np.ndarray],
    start: Float[np.ndarray, "features identity"],
    steps: int,
) -> Float[np.ndarray, "features identity"]:
    """Weights that meet what is seen of each person best, by conjugate gradients."""
    matrix, target = seen

    def apply(weights: np.ndarray) -> np.ndarray:
        expected = rows @ weights
        return rows.T @ (_by_person(matrix, person, expected) * share[:, None]) + penalty * weights

    weights = start.copy()
    rest = rows.T @ (target[person] * share[:, None]) - apply(weights)
    direction, size = rest.copy(), float(np.square(rest).sum())
    first = size
    for _ in range(steps):
        if size <= 1e-12 * first or first == 0:
            break
        applied = apply(direction)
        length = size / float((direction * applied).sum())
        weights += length * direction
        rest -= length * applied
        after = float(np.square(rest).sum())
        direction, size = rest + after / size * direction, after
    return weights


def _by_person(
    matrix: Float[np.ndarray, "people identity identity"],
    person: Int[np.ndarray, " photos"],
    values: Float[np.ndarray, "photos identity"],
) -> Float[np.ndarray, "photos identity"]:
    """Each photo's values times its person's matrix."""
    out = np.empty_like(values)
    for start in range(0, len(values), 1024):
        some = slice(start, start + 1024)
        out[some] = (matrix[person[some]] @ values[some][..., None])[..., 0]
    return out


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
