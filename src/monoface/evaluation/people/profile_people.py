"""People of whom there are frontal photos and marked profiles, and the shapes found in the former."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from monoface.core.errors import DataError
from monoface.data.sources import Cfp
from monoface.data.sources.cfp import KNOWN_POINTS, looks_left
from monoface.evaluation.people.profile_fit import MarkedProfiles
from monoface.evaluation.reconstructed import ReconstructedFaces


@dataclass(frozen=True, eq=False)
class ProfilePeople:
    """People of whom there are frontal photos and profiles.

    Attributes:
        names: Number of each person in the source.
        front: Row of each person's first frontal photo in the source.
        rows: Rows of the profiles in the source.
        marked: What is marked in these.
    """

    names: Sequence[int]
    front: Int64[np.ndarray, " people"]
    rows: Int64[np.ndarray, " photos"]
    marked: MarkedProfiles

    @classmethod
    def of(cls, source: Cfp, people: int) -> "ProfilePeople":
        """The last people of a source.

        Raises:
            DataError: If fewer than two have both frontal photos and profiles.
        """
        both = np.intersect1d(source.person[source.profile], source.person[~source.profile])[-people:]
        if len(both) < 2:
            raise DataError(
                f"profiles: expected people with frontal photos and profiles, got {len(both)}. Two are "
                "needed; --split all takes those of every split."
            )
        front = np.array([np.flatnonzero((source.person == one) & ~source.profile)[0] for one in both])
        rows = np.flatnonzero(source.profile & np.isin(source.person, both))
        points30_px = source.points30_px[rows]
        marked = MarkedProfiles(
            points30_px[:, list(KNOWN_POINTS)].astype(np.float64),
            looks_left(points30_px),
            np.searchsorted(both, source.person[rows]),
        )
        return cls(both.tolist(), front, rows, marked)


@dataclass(frozen=True, eq=False)
class FoundShapes:
    """What was found in the frontal photos.

    Attributes:
        identity: A row for each person; zeros, the mean face, where nothing was found.
        failures: Why nothing was found, by row.
    """

    identity: Float64[np.ndarray, "people identity"]
    failures: Mapping[int, str]


def find_shapes(faces: ReconstructedFaces, source: Cfp, rows: Int64[np.ndarray, " people"]) -> FoundShapes:
    """Identity of the largest face of each of some photos of a source."""
    identity = np.zeros((len(rows), faces.model.identity_size))
    failures = {}
    for place, row in enumerate(rows.tolist()):
        face = faces.largest(source.image(row))
        if isinstance(face, str):
            failures[place] = face
        else:
            identity[place] = face.identity
    return FoundShapes(identity, failures)
