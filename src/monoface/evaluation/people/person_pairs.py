"""Two photos of each of several people, always the same ones: for what needs no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int64

from monoface.core.errors import DataError
from monoface.data.sources import Cfp, Lfw, Ytf, excluded_people
from monoface.evaluation.people.person_photos import PersonPhoto, decoder, photos_in_folders

PairSource = Literal["cfp", "ytf", "lfw", "folder"]
CfpSplit = Literal["val", "train", "all"]


@dataclass(frozen=True, eq=False)
class PersonPair:
    """Two photos of one person."""

    person: str
    photos: tuple[PersonPhoto, PersonPhoto]


def person_pairs(folder: Path, source: PairSource, people: int, split: CfpSplit = "val") -> list[PersonPair]:
    """Two photos of each of the last people of a source.

    `cfp`: the first two frontal photos. `ytf`: the first frame of each of two clips. `lfw`: the first two
    photos. `folder`: the first two of each person's folder. Whom `exclude.json` names is left out.

    Args:
        folder: A folder with one folder a person, or that of the source.
        source: What the folder is.
        people: Most people.
        split: Which of the people of `cfp`.

    Raises:
        DataError: If fewer than two people have two photos, or the source cannot be read.
    """
    by_person: dict[str, list[PersonPhoto]] = {}
    for photo in _photos(folder, source, split):
        by_person.setdefault(photo.person, []).append(photo)
    pairs = [
        PersonPair(person, (photos[0], photos[1])) for person, photos in by_person.items() if len(photos) > 1
    ]
    if len(pairs) < 2:
        raise DataError(
            f"{folder}: expected two people with two photos each, got {len(pairs)}. Check the folder, the "
            "source and, for cfp, the split."
        )
    return pairs[-people:]


def _photos(folder: Path, source: PairSource, split: CfpSplit) -> Sequence[PersonPhoto]:
    """Photos in order of the people's numbers, no two of one clip."""
    if source == "folder":
        return photos_in_folders(folder)
    excluded = excluded_people(folder)
    if source == "cfp":
        cfp = Cfp(folder, split=None if split == "all" else split)
        return _of(cfp, cfp.person, np.flatnonzero(~cfp.profile))
    if source == "lfw":
        lfw = Lfw(folder)
        return _of(lfw, lfw.person, np.flatnonzero(~np.isin(lfw.person, sorted(excluded))))
    ytf = Ytf(folder)
    first_of_clip: dict[tuple[int, str], int] = {}
    for row, clip in enumerate(zip(ytf.person.tolist(), ytf.clips, strict=True)):
        first_of_clip.setdefault(clip, row)
    rows = [row for (person, _), row in first_of_clip.items() if person not in excluded]
    return _of(ytf, ytf.person, np.array(rows, dtype=np.int64))


def _of(
    source: Cfp | Lfw | Ytf, person: Int64[np.ndarray, " photos"], rows: Int64[np.ndarray, " chosen"]
) -> list[PersonPhoto]:
    ordered = rows[np.argsort(person[rows], kind="stable")].tolist()
    return [PersonPhoto(source.keys[row], str(person[row]), decoder(source, row)) for row in ordered]
