"""A linear map from what one photo shows to who is seen, learned from people who are known in part.

A person's identity x is a draw from N(W f + b, S), where f is what one photo of the person shows. Nobody's x
is known; what marks say of it is an information matrix and a vector. Expectation and maximisation find W, b
and S: the posterior of everybody given what is expected of them, then the map to the posterior means and the
covariance of what it leaves over. Few rounds leave the map shrunk where marks say little; many teach it their
noise.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Float, Int

from monoface.core.errors import ConfigError


@dataclass(frozen=True, eq=False)
class KnownPeople:
    """What marks say of people, in information form, about identities themselves, without any prior.

    Attributes:
        information: Of each person.
        vector: `information` times the identity at which the evidence alone is at its best.
    """

    information: Float[np.ndarray, "people identity identity"]
    vector: Float[np.ndarray, "people identity"]

    def __len__(self) -> int:
        return len(self.vector)

    def __getitem__(self, rows: Int[np.ndarray, " rows"]) -> "KnownPeople":
        return KnownPeople(self.information[rows], self.vector[rows])

    def posterior(
        self,
        expected: Float[np.ndarray, "people identity"],
        covariance: Float[np.ndarray, "identity identity"],
    ) -> tuple[Float[np.ndarray, "people identity"], Float[np.ndarray, "people identity identity"]]:
        """Mean and covariance of everybody, given what is expected and how far that is off."""
        precision = np.linalg.inv(covariance)
        spread = np.linalg.inv(self.information + precision)
        mean = (spread @ (self.vector + expected @ precision)[..., None])[..., 0]
        return mean, spread


# Variance of what features do not tell, in the beginning: nearly all of it, which is 1.
_FIRST_COVARIANCE = 0.9


@dataclass(frozen=True)
class PeopleMapConfig:
    """How the map is learned.

    Attributes:
        ridge_people: Penalty on the squared weights of features of unit variance, in people.
        rounds: Of expectation and maximisation.
        mean_share: Penalty on the squared mean of all people, as a part of their number. Marks have errors in
            common, which look like a shape that all people share.
    """

    ridge_people: float = 30.0
    rounds: int = 8
    mean_share: float = 0.0

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.ridge_people <= 0 or self.mean_share < 0:
            raise ConfigError(
                "people map: expected a round or more, ridge_people above 0 and mean_share of at least 0, "
                f"got {self.rounds}, {self.ridge_people}, {self.mean_share}."
            )


@dataclass(frozen=True, eq=False)
class PeopleMap:
    """Identities given features: N(features @ weight + bias, covariance).

    Attributes:
        weight: Of the features.
        bias: What is added.
        covariance: Of what features do not tell.
        population_mean: Of the people that it was learned from.
        population_covariance: Of the same people.
    """

    weight: Float[np.ndarray, "features identity"]
    bias: Float[np.ndarray, " identity"]
    covariance: Float[np.ndarray, "identity identity"]
    population_mean: Float[np.ndarray, " identity"]
    population_covariance: Float[np.ndarray, "identity identity"]

    def __call__(
        self, features: Float[np.ndarray, "photos features"]
    ) -> Float[np.ndarray, "photos identity"]:
        """Expected identities."""
        return features @ self.weight + self.bias

    @classmethod
    def learn(
        cls,
        features: Float[np.ndarray, "photos features"],
        person: Int[np.ndarray, " photos"],
        known: KnownPeople,
        config: PeopleMapConfig | None = None,
    ) -> Self:
        """Find it.

        Args:
            features: Of photos; those of a person count together as one.
            person: Whom each photo shows, as a row of `known`; everybody is seen.
            known: What marks say of them.
            config: How.
        """
        config = config or PeopleMapConfig()
        people, size = known.vector.shape
        centre, spread = features.mean(axis=0), float(features.std(axis=0).mean())
        rows = np.concatenate(((features - centre) / spread, np.ones((len(features), 1))), axis=1)
        share = 1 / np.bincount(person, minlength=people)[person]
        penalty = np.append(
            np.full(features.shape[1], config.ridge_people), config.mean_share * people + 1e-6
        )
        weighted = (rows * share[:, None]).T
        solve = np.linalg.solve(weighted @ rows + np.diag(penalty), weighted)
        weight = np.zeros((rows.shape[1], size))
        covariance = _FIRST_COVARIANCE * np.eye(size)
        for _ in range(config.rounds):
            said = rows @ weight
            expected = np.zeros((people, size))
            np.add.at(expected, person, said * share[:, None])
            mean, unsure = known.posterior(expected, covariance)
            weight = solve @ mean[person]
            off = mean[person] - rows @ weight
            covariance = ((off * share[:, None]).T @ off + unsure.sum(axis=0)) / people
        scaled = weight[:-1] / spread
        population = mean.mean(axis=0)
        total = _around(mean, population, unsure)
        return cls(scaled, weight[-1] - centre @ scaled, covariance, population, total)

    def with_errors_of(
        self,
        features: Float[np.ndarray, "photos features"],
        person: Int[np.ndarray, " photos"],
        known: KnownPeople,
        rounds: int = 8,
    ) -> "PeopleMap":
        """The same map with covariances by other evidence of the same people.

        Evidence that counts more than it is worth teaches a better map, but then the map's errors seem larger
        than they are, for its noise counts as much.

        Args:
            features: Of photos.
            person: Whom each shows.
            known: What is known of the people, for what it is worth.
            rounds: Of expectation and maximisation.
        """
        people = len(known)
        share = 1 / np.bincount(person, minlength=people)[person]
        expected = np.zeros((people, len(self.bias)))
        np.add.at(expected, person, self(features) * share[:, None])
        covariance = np.eye(len(self.bias))
        for _ in range(rounds):
            mean, unsure = known.posterior(expected, covariance)
            covariance = _around(mean, expected, unsure)
        total = _around(mean, mean.mean(axis=0), unsure)
        return replace(self, covariance=covariance, population_covariance=total)


def _around(
    mean: Float[np.ndarray, "people identity"],
    middle: Float[np.ndarray, "*people identity"],
    unsure: Float[np.ndarray, "people identity identity"],
) -> Float[np.ndarray, "identity identity"]:
    """Covariance of people around expected places, of whom each is known with a covariance."""
    off = mean - middle
    covariance: np.ndarray = (off.T @ off + unsure.sum(axis=0)) / len(mean)
    return covariance
