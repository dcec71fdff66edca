"""From what was learned of people to the map of a refinement: descriptor and network, joined and guarded."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float64

from monoface.core.errors import ConfigError
from monoface.facemodel.estimation.identity_prior import Elsewhere, IdentityMap
from monoface.facemodel.estimation.input_domain import InputDomain
from monoface.networks.recognition.weights import DESCRIPTOR_SIZE
from monoface.pipeline.refining.refinement_file import DESCRIPTOR, MEASURED, REGRESSED
from monoface.training.likeness.people_map import PeopleMap


@dataclass(frozen=True)
class JoinConfig:
    """How much each input moves a shape away from the mean of all people.

    A network says too surely who its own training people are, so these are chosen on people that it never
    saw, and are too few numbers to learn those by heart.

    Attributes:
        descriptor: Of what the descriptor says; 1 takes it at its word.
        regressed: Of what the network says.
        measured: Of what its points say.
    """

    descriptor: float = 1.0
    regressed: float = 0.0
    measured: float = 0.0

    def __post_init__(self) -> None:
        if min(self.descriptor, self.regressed, self.measured) < 0:
            raise ConfigError(f"join: expected shares of at least 0, got {self}.")


@dataclass(frozen=True, eq=False)
class LearnedPeople:
    """All that a map is joined from.

    Attributes:
        of_descriptor: Who is seen, given the descriptor.
        regressed_mean: What the network says of people on average.
        measured_mean: What its points say of people on average.
    """

    of_descriptor: PeopleMap
    regressed_mean: Float[np.ndarray, " identity"]
    measured_mean: Float[np.ndarray, " identity"]

    def joined(self, config: JoinConfig, elsewhere: Elsewhere | None = None) -> IdentityMap:
        """The map with shares."""
        people, size = self.of_descriptor, len(self.regressed_mean)
        mean = people.population_mean
        inputs: list[tuple[str, int]] = [(DESCRIPTOR, DESCRIPTOR_SIZE)]
        weights = [config.descriptor * people.weight.T]
        bias = mean + config.descriptor * (people.bias - mean)
        others = (
            (REGRESSED, config.regressed, self.regressed_mean),
            (MEASURED, config.measured, self.measured_mean),
        )
        for name, share, average in others:
            if share:
                inputs.append((name, size))
                weights.append(share * np.eye(size))
                bias = bias - share * average
        return IdentityMap(
            tuple(inputs),
            np.concatenate(weights, axis=1),
            bias,
            people.covariance,
            mean,
            people.population_covariance,
            elsewhere,
        )


@dataclass(frozen=True)
class GuardConfig:
    """Which photos descriptors are believed of.

    Attributes:
        inside: Part of the training photos of which the descriptor is believed fully.
        beyond: Distance at which it is not believed any more, in distances of that part.
        strange: Part of synthetic heads of which it is not believed at all, if photos look otherwise.
        turn_deg: How far a face may be turned for the descriptor to be believed fully, and not at all.
        shrink: Part of covariances that is made the same in all directions.
    """

    inside: float = 0.99
    beyond: float = 1.25
    strange: float = 0.9
    turn_deg: tuple[float, float] = (45.0, 80.0)
    shrink: float = 0.1

    def __post_init__(self) -> None:
        shares = self.inside, self.strange, self.shrink
        if not (all(0 < share < 1 for share in shares) and self.beyond > 1):
            raise ConfigError(
                f"guard: expected inside, strange and shrink within 0..1 and beyond above 1, got {self}."
            )


def find_domain(
    photos: Float[np.ndarray, "photos 128"], strange: Float[np.ndarray, "others 128"], config: GuardConfig
) -> InputDomain:
    """Where descriptors are those of photos: all of it within what most photos show.

    Args:
        photos: Descriptors of photos of faces that look at the camera.
        strange: Of pictures that are no photos.
        config: How.
    """
    centre = photos.mean(axis=0)
    covariance = _shrunk(np.cov((photos - centre).T), config.shrink)
    precision = np.linalg.inv(covariance)
    # Fisher's direction: that in which the two kinds are told apart best.
    direction = precision @ (strange.mean(axis=0) - centre)
    direction = direction / max(float(np.std((photos - centre) @ direction)), 1e-12)
    anything = (0.0, 1.0)
    domain = InputDomain(DESCRIPTOR, centre, precision, direction, anything, anything, config.turn_deg)
    near = float(np.quantile(domain.distances(photos), config.inside))
    alike = float(np.quantile(domain.strangenesses(photos), config.inside))
    other = float(np.quantile(domain.strangenesses(strange), 1 - config.strange))
    # Where the kinds overlap, photos are believed.
    strangeness = (alike, max(other, alike + 0.25))
    return replace(domain, distance=(near, config.beyond * near), strangeness=strangeness)


def find_elsewhere(
    domain: InputDomain,
    said: Mapping[str, Float[np.ndarray, "heads identity"]],
    true: Float[np.ndarray, "heads identity"],
    shrink: float = 0.5,
) -> Elsewhere:
    """What is asked where descriptors are not believed: the input that says most of synthetic heads.

    It is worth a factor, and has an error.

    Args:
        domain: Where descriptors are believed.
        said: Identities of synthetic heads, by the input that says them.
        true: What they are.
        shrink: Part of the error's covariance that is made the same in all directions.
    """
    found = [_worth(domain, name, values, true, shrink) for name, values in said.items()]
    return min(found, key=lambda one: float(np.trace(one.covariance)))


def _worth(
    domain: InputDomain,
    name: str,
    said: Float[np.ndarray, "heads identity"],
    true: Float[np.ndarray, "heads identity"],
    shrink: float,
) -> Elsewhere:
    centred = said - said.mean(axis=0)
    factor = float((centred * true).sum() / max((centred * centred).sum(), 1e-9))
    size = said.shape[1]
    error = true - factor * said
    covariance = _shrunk(error.T @ error / len(error), shrink)
    return Elsewhere(domain, (name, size), factor * np.eye(size), np.zeros(size), covariance)


def _shrunk(
    covariance: Float[np.ndarray, "numbers numbers"], shrink: float
) -> Float64[np.ndarray, "numbers numbers"]:
    size = len(covariance)
    even = np.trace(covariance) / size * np.eye(size)
    found: np.ndarray = (1 - shrink) * covariance + shrink * even
    return found
