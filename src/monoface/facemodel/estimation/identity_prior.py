"""What is known of an identity before its points are measured: a linear-Gaussian map from what was seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from monoface.core.errors import ConfigError
from monoface.facemodel.estimation.input_domain import InputDomain
from monoface.facemodel.estimation.population import PeopleSeen, PopulationConfig, learn_population


@dataclass(frozen=True, eq=False)
class IdentityPrior:
    """Gaussians of identities.

    Attributes:
        mean: Of each photo's person.
        covariance: Around each of these means; one for all, or one for each.
        precision: Its inverse.
    """

    mean: Float[np.ndarray, "photos identity"]
    covariance: Float[np.ndarray, "#photos identity identity"]
    precision: Float[np.ndarray, "#photos identity identity"]

    @classmethod
    def of_population(cls, photos: int, identity: int) -> "IdentityPrior":
        """Of anybody: identity modes have unit variance."""
        return cls(np.zeros((photos, identity)), np.eye(identity)[None], np.eye(identity)[None])

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: slice | np.ndarray) -> "IdentityPrior":
        if len(self.precision) != len(self.mean):
            return IdentityPrior(self.mean[rows], self.covariance, self.precision)
        return IdentityPrior(self.mean[rows], self.covariance[rows], self.precision[rows])


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """What is said of photos that are unlike those that an identity map was fitted to.

    Attributes:
        domain: Tells how like they are.
        source: Name and length of the one input that is asked instead.
        weight: Of that input.
        bias: What is added.
        covariance: Of the error.
    """

    domain: InputDomain
    source: tuple[str, int]
    weight: Float[np.ndarray, "identity source"]
    bias: Float[np.ndarray, " identity"]
    covariance: Float[np.ndarray, "identity identity"]

    @cached_property
    def precision(self) -> Float[np.ndarray, "identity identity"]:
        """Inverse of the error's covariance."""
        return np.linalg.inv(self.covariance)

    def joined(
        self, prior: IdentityPrior, seen: Mapping[str, Float[np.ndarray, "photos _"]]
    ) -> IdentityPrior:
        """A map's answer where it is to be believed, this one where not, and between the two a pool of both.

        Information and vector are those of the map times its trust, and of this one times what is left: a
        logarithmic pool of the two Gaussians, which is a Gaussian.
        """
        trust = self.domain.trust(seen)
        if (trust == 1).all():
            return prior
        mean = seen[self.source[0]] @ self.weight.T + self.bias
        sure, unsure = trust[:, None, None], 1 - trust[:, None, None]
        precision = sure * prior.precision + unsure * self.precision
        target = sure * (prior.precision @ prior.mean[..., None]) + unsure * (
            self.precision @ mean[..., None]
        )
        covariance = np.linalg.inv(precision)
        return IdentityPrior((covariance @ target)[..., 0], covariance, precision)


@dataclass(frozen=True, eq=False)
class IdentityMap:
    """From what is seen of a person in one photo to a Gaussian of the identity.

    The mean is `weight @ inputs + bias`, where the inputs stand one after the other; the covariance is that
    of the mean's error on people that the map was not fitted to.

    Attributes:
        inputs: Name and length of each, in their order: for instance `descriptor`, of a recognition network;
            `regressed`, the regressor's own identity; `measured`, what dense points say of it.
        weight: Of the inputs.
        bias: What is added.
        covariance: Of the error.
        population_mean: Of the people it was fitted to, and thus what it would say without any input.
        population_covariance: Of the same people.
        elsewhere: What is said of photos unlike those that it was fitted to; without it, the same.
    """

    inputs: tuple[tuple[str, int], ...]
    weight: Float[np.ndarray, "identity inputs"]
    bias: Float[np.ndarray, " identity"]
    covariance: Float[np.ndarray, "identity identity"]
    population_mean: Float[np.ndarray, " identity"]
    population_covariance: Float[np.ndarray, "identity identity"]
    elsewhere: Elsewhere | None = None

    def __post_init__(self) -> None:
        size = len(self.bias)
        shapes = {
            "population_mean": (size,),
            "covariance": (size, size),
            "population_covariance": (size, size),
        }
        for name, shape in (shapes | {"population_mean": (size,)}).items():
            if getattr(self, name).shape != shape:
                raise ConfigError(
                    f"identity map: expected {name} of shape {shape} for {size} coefficients, got "
                    f"{getattr(self, name).shape}."
                )
        if len(self.weight) != size:
            raise ConfigError(f"identity map: expected weights of {size} rows, got {len(self.weight)}.")
        wanted = sum(length for _, length in self.inputs)
        if wanted != self.weight.shape[1]:
            raise ConfigError(
                f"identity map: expected weights of {wanted} inputs, got {self.weight.shape[1]}."
            )

    @classmethod
    def learned(
        cls,
        seen: Mapping[str, Float[np.ndarray, "photos _"]],
        person: Int[np.ndarray, " photos"],
        information: Float[np.ndarray, "people identity identity"],
        vector: Float[np.ndarray, "people identity"],
        config: PopulationConfig | None = None,
    ) -> "IdentityMap":
        """From photos of people of whom much is known; see `population.learn_population`.

        Args:
            seen: The inputs, in their order. Each is standardised by its own mean and spread.
            person: Whom each photo shows, as a row of the evidence.
            information: Of each person's identity.
            vector: `information` times the identity at which the evidence alone is at its best.
            config: How.
        """
        centre = np.concatenate([values.mean(axis=0) for values in seen.values()])
        spread = np.concatenate(
            [np.full(values.shape[1], values.std(axis=0).mean() or 1.0) for values in seen.values()]
        )
        features = (np.concatenate(list(seen.values()), axis=1) - centre) / spread
        kind = np.zeros(len(vector), np.int64)
        found = learn_population(PeopleSeen(features, person, information, vector, kind), config)
        weight = found.weights.T / found.spread
        told = weight @ np.cov(features.T) @ weight.T
        return cls(
            tuple((name, values.shape[1]) for name, values in seen.items()),
            weight / spread,
            found.mean - weight @ (centre / spread + found.centre),
            found.covariance,
            found.mean,
            found.covariance + told,
        )

    def sees(self, name: str) -> bool:
        """Whether it has an input of that name."""
        return any(name == one for one, _ in self.needed)

    @property
    def needed(self) -> tuple[tuple[str, int], ...]:
        """Name and length of all that must be seen."""
        if self.elsewhere is None:
            return self.inputs
        watched = self.elsewhere.domain.inputs
        return tuple(dict.fromkeys((*self.inputs, self.elsewhere.source, *watched)))

    def __call__(self, seen: Mapping[str, Float[np.ndarray, "photos _"]]) -> IdentityPrior:
        """Gaussians of the people in photos.

        Args:
            seen: At least the inputs, by name.

        Raises:
            ConfigError: If an input is missing or has another length.
        """
        for name, length in self.needed:
            got = seen[name].shape[1] if name in seen else None
            if got != length:
                raise ConfigError(f"identity map: expected {length} numbers of {name}, got {got or 'none'}.")
        joined = np.concatenate([seen[name] for name, _ in self.inputs], axis=1)
        prior = IdentityPrior(joined @ self.weight.T + self.bias, self.covariance[None], self.precision[None])
        return prior if self.elsewhere is None else self.elsewhere.joined(prior, seen)

    def population(self, photos: int) -> IdentityPrior:
        """Gaussians of people of whom nothing was seen."""
        mean = np.repeat(self.population_mean[None], photos, axis=0)
        return IdentityPrior(mean, self.population_covariance[None], self.population_precision[None])

    def joined(self, priors: IdentityPrior, in_common: float) -> IdentityPrior:
        """What several photos of one person say together, as a single row.

        A photo's evidence is what its Gaussian knows beyond the population. As many photos are worth
        `photos / (1 + (photos - 1) in_common)`, for what misleads the map in one misleads it in the others.

        Args:
            priors: One for each photo.
            in_common: Part of the error's variance that all photos of a person share, from 0 to 1.
        """
        count = len(priors)
        worth = 1 / (1 + (count - 1) * in_common)
        known = self.population_precision
        photos = np.broadcast_to(priors.precision, (count, *known.shape))
        precision = known + worth * _without_less_than_none(photos - known).sum(axis=0)
        told = (photos @ priors.mean[..., None])[..., 0].sum(axis=0)
        target = self.population_mean @ known + worth * (told - count * (self.population_mean @ known))
        covariance = np.linalg.inv(precision)
        return IdentityPrior((covariance @ target)[None], covariance[None], precision[None])

    @cached_property
    def precision(self) -> Float[np.ndarray, "identity identity"]:
        """Inverse of the error's covariance."""
        return np.linalg.inv(self.covariance)

    @cached_property
    def population_precision(self) -> Float[np.ndarray, "identity identity"]:
        """Inverse of the population's covariance."""
        return np.linalg.inv(self.population_covariance)


def _without_less_than_none(
    information: Float[np.ndarray, "photos identity identity"],
) -> Float[np.ndarray, "photos identity identity"]:
    """Information without directions of which there is less than none."""
    values, vectors = np.linalg.eigh(information)
    kept: np.ndarray = (vectors * np.maximum(values, 0)[:, None]) @ vectors.transpose(0, 2, 1)
    return kept
