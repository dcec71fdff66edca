"""The people that labels were made of: who they are, and what all of their photos say of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from monoface.core.array_files import open_npz
from monoface.core.errors import DataError
from monoface.data.sources import Cfp, Lfw, Ytf, excluded_people
from monoface.data.sources.cfp import VALIDATION_PEOPLE
from monoface.training.likeness.people_map import KnownPeople

SOURCES: Final = ("cfp", "ytf", "lfw")
"""Sources of people with several photos."""

PROFILES: Final = "cfp"
"""The one whose profiles are marked."""

_HELD_OUT_EVERY = 10


def people_sources(folder: Path) -> list[str]:
    """Sources whose people a folder of `monoface data people` has labels of."""
    return [name for name in SOURCES if people_file(folder, name).is_file()]


@dataclass(frozen=True, eq=False)
class SourcePeople:
    """People of one source who may teach.

    Attributes:
        name: Of the source.
        number: Of each person in the source.
        known: What their photos say.
        identity: Who they are, given what other people are like.
        keys: Of all photos of the source that may be used.
        image: Decodes one of them.
        person: Whom each photo shows, as a row of `number`; -1 where that is nobody of them.
        front: Whether a photo may tell of a face seen from the front.
    """

    name: str
    number: Int[np.ndarray, " people"]
    known: KnownPeople
    identity: Float[np.ndarray, "people identity"]
    keys: tuple[str, ...]
    image: Callable[[int], UInt8[np.ndarray, "height width 3"]]
    person: Int[np.ndarray, " photos"]
    front: Bool[np.ndarray, " photos"]

    def some_rows(self, each: int, most: int | None, seed: int) -> Int[np.ndarray, " rows"]:
        """Photos from the front of up to so many people, or of all, up to so many of each, drawn."""
        rng = np.random.default_rng((seed, 61))
        people = np.sort(rng.permutation(len(self.number))[:most])
        rows: list[np.ndarray] = []
        for one in people.tolist():
            own = np.flatnonzero(self.front & (self.person == one))
            rows.append(np.sort(rng.permutation(own)[:each]))
        return np.concatenate(rows) if rows else np.zeros(0, np.int64)


def people_file(people: Path, name: str) -> Path:
    """Where `monoface data people` keeps what it knows of the people of a source."""
    return people / name / "people.npz"


def read_people(people: Path, data: Path, name: str) -> SourcePeople:
    """People of a source; those who are validation are left out.

    Args:
        people: Folder that `monoface data people` wrote: NAME/people.npz in it.
        data: Folder of the sources.
        name: cfp, ytf or lfw.

    Raises:
        DataError: If a file cannot be read.
    """
    path = people_file(people, name)
    with open_npz(path, "evidence of people") as archive:
        number, rows = archive["number"].astype(np.int64), archive["rows"].astype(np.int64)
        known = KnownPeople(archive["information"].astype(np.float64), archive["vector"].astype(np.float64))
        identity = archive["mean"].astype(np.float64)
    keys, image, person, profile, held_out = _photos(name, data / name)
    if len(rows) and rows.max() >= len(keys):
        raise DataError(f"{path}: expected photos of {data / name}, got numbers beyond its {len(keys)}.")
    kept = ~np.isin(number, sorted(held_out))
    number, known, identity = number[kept], known[np.flatnonzero(kept)], identity[kept]
    place = np.searchsorted(number, person).clip(0, max(len(number) - 1, 0))
    told = np.zeros(len(keys), dtype=bool)
    told[rows] = True
    row_of = np.where(told & (number[place] == person), place, -1)
    front = (row_of >= 0) & ~profile
    return SourcePeople(name, number, known, identity, keys, image, row_of, front)


def _photos(
    name: str, folder: Path
) -> tuple[
    tuple[str, ...],
    Callable[[int], UInt8[np.ndarray, "height width 3"]],
    Int[np.ndarray, " photos"],
    Bool[np.ndarray, " photos"],
    set[int],
]:
    """Photos of a source without people who take no part, in the order in which labels count them."""
    if name == "cfp":
        cfp = Cfp(folder)
        return tuple(cfp.keys), cfp.image, cfp.person, cfp.profile, set(VALIDATION_PEOPLE)
    source = Ytf(folder) if name == "ytf" else Lfw(folder)
    rows = np.flatnonzero(~np.isin(source.person, sorted(excluded_people(folder))))
    held_out = np.unique(source.person)[::_HELD_OUT_EVERY] if name == "ytf" else np.zeros(0, np.int64)

    def image(row: int) -> UInt8[np.ndarray, "height width 3"]:
        return source.image(int(rows[row]))

    keys = tuple(source.keys[row] for row in rows.tolist())
    return keys, image, source.person[rows], np.zeros(len(rows), dtype=bool), set(held_out.tolist())
