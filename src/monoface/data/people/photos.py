"""Sources of photos for labels: whom each shows, what people marked in it, and under which terms."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from monoface.core.errors import DataError
from monoface.data.people.mesh_points import AFLW_SET, HUMAN_SET
from monoface.data.preparing.prepare import list_photos, size_of
from monoface.data.preparing.shard_worker import PhotoReader
from monoface.data.sources import Aflw, Cfp, Fasseg, Lfw, MerlRav, PhotoSource, Ytf
from monoface.data.sources.cfp import VALIDATION_PEOPLE
from monoface.data.sources.excluded import excluded_people
from monoface.data.sources.fasseg import FRONTAL_SET
from monoface.data.sources.registry import OWN_TERMS, SOURCES

NOBODY = -1
"""Stands for the person of photos of which nobody knows whom they show."""

_CHIN = 8
# The points of `cfp` that are fixed on the face, and what they are among the 68 of faces that look to image
# left and to image right.
_CFP_POINTS = (8, *range(9, 30))
_CFP_LEFT = (8, 26, 24, 22, 45, 44, 43, 42, 47, 46, 27, 28, 29, 30, 33, 34, 35, 54, 51, 62, 57, 66)
_CFP_RIGHT = (8, 17, 19, 21, 36, 37, 38, 39, 40, 41, 27, 28, 29, 30, 33, 32, 31, 48, 51, 62, 57, 66)
_CFP_NOSE_TIP = 21
_CFP_LOWER_LID = (16, 17)


@dataclass(frozen=True)
class PeoplePhotos:
    """The photos of a source.

    Attributes:
        name: Of the source.
        keys: Of the photos.
        image: Decodes one of them, RGB.
        person: Number of the person, or `NOBODY`.
        points_px: What people marked, by landmark set, in pixels of the photo; NaN where there is nothing.
        aside: Where a face is known to look aside by more than any mesh network marks well.
        held_out: Photos that are validation, and teach nothing.
        terms: Of the source, for cards.
        find: Whether photos are whole ones, in which faces have to be found; else they are crops of a face.
        stamp: Whatever else identifies the photos.
        seen: Which of the 68 points of `HUMAN_SET` are seen rather than guessed; None where nobody says.
    """

    name: str
    keys: tuple[str, ...]
    image: Callable[[int], UInt8[np.ndarray, "height width 3"]]
    person: Int[np.ndarray, " photos"]
    points_px: dict[str, Float32[np.ndarray, "photos points 2"]]
    aside: Bool[np.ndarray, " photos"]
    held_out: Bool[np.ndarray, " photos"]
    terms: str
    find: bool = False
    stamp: str = ""
    seen: Bool[np.ndarray, "photos 68"] | None = None

    @property
    def digest(self) -> str:
        """Identifies the photos and their marks."""
        content = hashlib.sha256(os.fsencode("\0".join((*self.keys, self.stamp))))
        for name in sorted(self.points_px):
            content.update(np.ascontiguousarray(self.points_px[name]).tobytes())
        for array in (self.person, self.aside, self.held_out):
            content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.keys)


def open_photos(name: str, folder: Path, held_out_people: int = 10) -> PeoplePhotos:
    """A source by its name; people of `exclude.json` are left out.

    Args:
        name: cfp, ytf, lfw, aflw, omi, portraits_cc0 or fasseg.
        folder: Of the source.
        held_out_people: One in so many people of `ytf` is kept for validation.

    Raises:
        DataError: If there is no such source, or its files are not as they should be.
    """
    if name == "cfp":
        return _cfp(Cfp(folder))
    if name == "ytf":
        return _ytf(Ytf(folder), folder, held_out_people)
    if name == "aflw":
        return _aflw(Aflw(folder), MerlRav(folder) if (folder / "merl_rav.npz").is_file() else None)
    if name == "lfw":
        lfw = Lfw(folder)
        rows = np.flatnonzero(~np.isin(lfw.person, sorted(excluded_people(folder))))
        return _plain(name, lfw, rows, lfw.person[rows])
    if name == "fasseg":
        return _fasseg(Fasseg(folder))
    if name in ("omi", "portraits_cc0"):
        source = SOURCES[name].read(folder)
        return _plain(name, source, np.arange(len(source)), np.full(len(source), NOBODY))
    raise DataError(
        f"source {name}: expected one of cfp, ytf, lfw, aflw, omi, portraits_cc0 and fasseg, got another."
    )


def open_folder(folder: Path, read: PhotoReader, held_out_people: int = 10) -> PeoplePhotos:
    """A user's own photos, one folder a person.

    Args:
        folder: Holds a folder for each person, whose photos may lie in any subfolders.
        read: Reads a photo.
        held_out_people: One in so many people is kept for validation.

    Raises:
        DataError: If no folder in it holds a photo.
    """
    found = folder.iterdir() if folder.is_dir() else ()
    names = sorted(one.name for one in found if one.is_dir() and not one.name.startswith("."))
    photos = [
        (number, f"{name}/{one}") for number, name in enumerate(names) for one in list_photos(folder / name)
    ]
    if not photos:
        raise DataError(f"{folder}: expected folders of photos, one a person, found none.")
    person = np.array([number for number, _ in photos])
    keys = tuple(key for _, key in photos)

    def image(row: int) -> np.ndarray:
        return read(folder / keys[row]).image_srgb

    nothing = np.zeros(len(keys), bool)
    held_out = person % held_out_people == held_out_people - 1
    return PeoplePhotos(
        folder.resolve().name,
        keys,
        image,
        person,
        {},
        nothing,
        held_out,
        OWN_TERMS,
        find=True,
        stamp=",".join(str(size_of(folder / key)) for key in keys),
    )


def cfp_points68(
    points30_px: Float32[np.ndarray, "photos 30 2"], profile: Bool[np.ndarray, " photos"]
) -> Float32[np.ndarray, "photos 68 2"]:
    """Points of `cfp` that are fixed on the face, as some of the 68.

    Those of the lower lid go from inside out in photos from the front, as iBUG's do, and from outside in in
    profiles: there the fifth point of the eye lies under the second, which the places of all photos show.
    """
    looks_left = points30_px[:, _CFP_NOSE_TIP, 0] < np.nanmean(points30_px[:, :3, 0], axis=1)
    # In photos from the front the half at image left is marked, as of a face that looks to image right.
    looks_left &= profile
    points = np.full((len(points30_px), 68, 2), np.nan, np.float32)
    swapped, (first, second) = points30_px.copy(), _CFP_LOWER_LID
    swapped[profile, first], swapped[profile, second] = (
        points30_px[profile, second],
        points30_px[profile, first],
    )
    marked = swapped[:, _CFP_POINTS]
    for rows, columns in ((looks_left, _CFP_LEFT), (~looks_left, _CFP_RIGHT)):
        points[np.ix_(rows, columns)] = marked[rows]
    return points


def _cfp(source: Cfp) -> PeoplePhotos:
    points = cfp_points68(source.points30_px, source.profile)
    held_out = np.isin(source.person, list(VALIDATION_PEOPLE))
    return PeoplePhotos(
        "cfp",
        source.keys,
        source.image,
        source.person,
        {HUMAN_SET: points},
        source.profile,
        held_out,
        SOURCES["cfp"].terms,
    )


def _ytf(source: Ytf, folder: Path, every: int) -> PeoplePhotos:
    rows = np.flatnonzero(~np.isin(source.person, sorted(excluded_people(folder))))
    people = np.unique(source.person)
    points = _without_outline(source.points68_px[rows])
    held_out = np.isin(source.person[rows], people[::every])
    plain = _plain("ytf", source, rows, source.person[rows])
    return PeoplePhotos(
        plain.name,
        plain.keys,
        plain.image,
        plain.person,
        {HUMAN_SET: points},
        plain.aside,
        held_out,
        plain.terms,
    )


def _aflw(source: Aflw, marked: MerlRav | None) -> PeoplePhotos:
    points68 = np.full((len(source), 68, 2), np.nan, np.float32)
    points21 = source.points21_px.copy()
    terms = SOURCES["aflw"].terms
    seen = np.zeros((len(source), 68), bool)
    if marked is not None:
        row_of = {key: row for row, key in enumerate(source.keys)}
        known = [(row_of[key], row) for row, key in enumerate(marked.keys) if key in row_of]
        here, there = np.array(known).T
        points68[here] = _without_outline(marked.points68_px[there])
        points21[here] = np.nan
        seen[here] = marked.seen[there]
        terms = f"{terms} {SOURCES['merl_rav'].terms}"
    held_out = np.array([split == "val" for split in source.splits])
    nobody = np.full(len(source), NOBODY)
    points = {HUMAN_SET: points68, AFLW_SET: points21}
    return PeoplePhotos(
        "aflw", source.keys, source.image, nobody, points, np.zeros(len(source), bool), held_out, terms,
        seen=seen,
    )  # fmt: skip


def _fasseg(source: Fasseg) -> PeoplePhotos:
    person = np.where(source.person == FRONTAL_SET, NOBODY, source.person)
    plain = _plain("fasseg", source, np.arange(len(source)), person)
    aside = np.abs(source.yaw_deg) > 40
    # The last four people are kept for validation wherever this source is used.
    held_out = np.isin(person, np.unique(person[person != NOBODY])[-4:])
    return PeoplePhotos(plain.name, plain.keys, plain.image, person, {}, aside, held_out, plain.terms)


def _plain(
    name: str, source: PhotoSource, rows: np.ndarray, person: Sequence[int] | np.ndarray
) -> PeoplePhotos:
    """Some photos of a source, without marks."""

    def image(row: int) -> np.ndarray:
        return source.image(int(rows[row]))

    nothing = np.zeros(len(rows), bool)
    keys = tuple(source.keys[row] for row in rows)
    terms = SOURCES[name].terms
    return PeoplePhotos(name, keys, image, np.asarray(person), {}, nothing, nothing.copy(), terms)


def _without_outline(points_px: np.ndarray) -> np.ndarray:
    """The 68 points without the jaw but for the chin: it is the outline, no fixed place of the face."""
    points = points_px.astype(np.float32).copy()
    points[:, [place for place in range(17) if place != _CHIN]] = np.nan
    return points
