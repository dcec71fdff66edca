"""Several photos of each of several people, from a folder a person or from a source of ours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int64, UInt8

from monoface.core.errors import DataError
from monoface.data.sources import Cfp, Fasseg, Lfw, Ytf, excluded_people
from monoface.data.sources.fasseg import FRONTAL_SET
from monoface.pipeline import read_image

PersonSource = Literal["folder", "ytf", "fasseg", "lfw"]

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True, eq=False)
class PersonPhoto:
    """One photo of a person.

    Attributes:
        key: Name of the photo.
        person: Name of the person.
        load: Decodes the photo, in sRGB.
        yaw_deg: Turn of the head; None where it is not known.
    """

    key: str
    person: str
    load: Callable[[], UInt8[np.ndarray, "height width 3"]]
    yaw_deg: float | None = None


def person_photos(
    folder: Path, source: PersonSource, people: int, photos: int, seed: int = 0
) -> list[PersonPhoto]:
    """Photos of the people of whom there are at least two.

    Args:
        folder: A folder with one folder a person, or that of the source; whom `exclude.json` beside it
            names is left out.
        source: What the folder is.
        people: Most people; the same seed draws the same.
        photos: Most photos of each.
        seed: Of the draw.

    Raises:
        DataError: If nobody has two photos, or the source cannot be read.
    """
    everyone = photos_in_folders(folder) if source == "folder" else _of_source(folder, source)
    by_person: dict[str, list[PersonPhoto]] = {}
    for photo in everyone:
        by_person.setdefault(photo.person, []).append(photo)
    several = [members for members in by_person.values() if len(members) > 1]
    if not several:
        raise DataError(f"{folder}: expected people with two photos or more, found none.")
    rng = np.random.default_rng(seed)
    drawn = [several[index] for index in _draw(rng, len(several), people)]
    return [members[index] for members in drawn for index in _draw(rng, len(members), photos)]


def _draw(rng: np.random.Generator, count: int, most: int) -> Sequence[int]:
    chosen: Int64[np.ndarray, " chosen"] = np.sort(rng.permutation(count)[:most])
    drawn: list[int] = chosen.tolist()
    return drawn


def photos_in_folders(folder: Path) -> list[PersonPhoto]:
    """All photos of a folder with one folder a person, in order of their names."""
    people = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    paths = [
        (person, path)
        for person in people
        for path in sorted(person.iterdir())
        if path.suffix.lower() in _SUFFIXES
    ]
    return [PersonPhoto(f"{person.name}/{path.name}", person.name, _reader(path)) for person, path in paths]


def _reader(path: Path) -> Callable[[], UInt8[np.ndarray, "height width 3"]]:
    return lambda: read_image(path).image_srgb


def _of_source(folder: Path, source: PersonSource) -> list[PersonPhoto]:
    opened: Ytf | Lfw | Fasseg
    match source:
        case "ytf":
            opened = Ytf(folder)
        case "lfw":
            opened = Lfw(folder)
        case _:
            opened = Fasseg(folder)
    excluded = excluded_people(folder)
    yaw_deg = opened.yaw_deg if isinstance(opened, Fasseg) else None
    return [
        PersonPhoto(
            key,
            str(person),
            decoder(opened, row),
            None if yaw_deg is None else float(yaw_deg[row]),
        )
        for row, (key, person) in enumerate(zip(opened.keys, opened.person.tolist(), strict=True))
        if person != FRONTAL_SET and person not in excluded
    ]


def decoder(source: Cfp | Fasseg | Lfw | Ytf, row: int) -> Callable[[], UInt8[np.ndarray, "height width 3"]]:
    """What decodes one photo of a source when it is called."""
    return lambda: source.image(row)
