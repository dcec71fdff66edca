"""The weights of a population: generalised least squares over people with several photos each."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

# Residuals that have shrunk this far are zero.
_DONE = 1e-12


@dataclass(frozen=True)
class PhotosOfPeople:
    """Which photos show whom, ordered so that one product serves all photos of a person.

    Attributes:
        people: Number of people.
        person: Whom each photo shows.
        groups: People with equal numbers of photos, and their photos, one row per person; shapes of groups
            differ.
    """

    people: int
    person: Int[np.ndarray, " photos"]
    groups: tuple[tuple[Int[np.ndarray, " _"], Int[np.ndarray, "_ _"]], ...]

    @classmethod
    def of(cls, person: Int[np.ndarray, " photos"], people: int) -> "PhotosOfPeople":
        """From whom each photo shows."""
        count = np.bincount(person, minlength=people)
        order = np.argsort(person, kind="stable")
        start = np.concatenate(((0,), np.cumsum(count)[:-1]))
        groups = []
        for each in np.unique(count[count > 0]):
            some = np.flatnonzero(count == each)
            groups.append((some, order[start[some][:, None] + np.arange(each)]))
        return cls(people, person, tuple(groups))

    def mean(self, values: Float[np.ndarray, "photos numbers"]) -> Float[np.ndarray, "people numbers"]:
        """Mean over each person's photos; zero for people without any."""
        found = np.zeros((self.people, values.shape[1]))
        for some, photos in self.groups:
            found[some] = values[photos].mean(axis=1)
        return found

    def times(
        self,
        matrix: Float[np.ndarray, "people numbers numbers"],
        values: Float[np.ndarray, "photos numbers"],
    ) -> Float[np.ndarray, "photos numbers"]:
        """Each photo's values times its person's symmetric matrix, a share of it for each photo."""
        found = np.empty_like(values)
        for some, photos in self.groups:
            found[photos] = values[photos] @ matrix[some] / photos.shape[1]
        return found

    def shared(self, values: Float[np.ndarray, "people numbers"]) -> Float[np.ndarray, "photos numbers"]:
        """Each person's values divided among the photos."""
        found = np.empty((len(self.person), values.shape[1]))
        for some, photos in self.groups:
            found[photos] = values[some][:, None] / photos.shape[1]
        return found


def seen_through(
    information: Float[np.ndarray, "people identity identity"],
    vector: Float[np.ndarray, "people identity"],
    covariance: Float[np.ndarray, "identity identity"],
) -> tuple[Float[np.ndarray, "people identity identity"], Float[np.ndarray, "people identity"]]:
    """What evidence says of expected identities, from which each person's own is off by the covariance."""
    precision = np.linalg.inv(covariance)
    # The inverse of (inverse of the information + covariance), for information that may be singular.
    through = information @ np.linalg.inv(information + precision)
    return information - through @ information, vector - (through @ vector[..., None])[..., 0]


def generalised_least_squares(
    rows: Float[np.ndarray, "photos features"],
    photos: PhotosOfPeople,
    seen: tuple[np.ndarray, np.ndarray],
    penalty: Float[np.ndarray, "features 1"],
    start: Float[np.ndarray, "features identity"],
    steps: int,
) -> Float[np.ndarray, "features identity"]:
    """Weights of features that meet what is seen of all people best, by conjugate gradients.

    Args:
        rows: Features of photos.
        photos: Whom they show.
        seen: Information matrix and vector of each person's expected identity.
        penalty: On the squares of the weights of each feature.
        start: First weights.
        steps: At most so many.
    """
    matrix, target = seen

    def apply(weights: np.ndarray) -> np.ndarray:
        return rows.T @ photos.times(matrix, rows @ weights) + penalty * weights

    weights = start.copy()
    rest = rows.T @ photos.shared(target) - apply(weights)
    direction, size = rest.copy(), float(np.square(rest).sum())
    first = size
    for _ in range(steps):
        if size <= _DONE * first:
            break
        applied = apply(direction)
        length = size / float((direction * applied).sum())
        weights += length * direction
        rest -= length * applied
        after = float(np.square(rest).sum())
        direction, size = rest + after / size * direction, after
    return weights
