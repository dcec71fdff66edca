"""Faces of known people, found in photos and aligned as in use: by predicted landmarks."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from monoface.core.errors import ConfigError, DataError
from monoface.core.progress import track
from monoface.data.packs.identity_pack import ALIGNED_PX, IdentityFaces, held_out_people
from monoface.data.packs.photo_pack import CANVAS_PX
from monoface.data.sources import Lfw, Ytf
from monoface.data.sources.registry import held_out_ytf
from monoface.geometry.face_template import ARCFACE_FACE
from monoface.geometry.planar import PlanarSimilarity, warp_image
from monoface.pipeline import Reconstructor, ReconstructorConfig

_SOURCES = ("lfw", "ytf")


@dataclass(frozen=True)
class IdentityRecipe:
    """Which faces an encoder is trained on.

    Attributes:
        sources: Folders of the data that are used: lfw, ytf.
        weights: The regressor that finds the landmarks by which faces are aligned.
        held_out: Share of each source's people that are kept for validation.
        held_out_people: Every n-th person of `ytf` is among them, as in the recipe of the regressors.
        limit: At most so many people of each source; 0 takes all.
        seed: Of the lot that chooses the people kept.
    """

    sources: tuple[str, ...] = _SOURCES
    weights: str = "pretrain"
    held_out: float = 0.15
    held_out_people: int = 10
    limit: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.sources or not set(self.sources) <= set(_SOURCES):
            raise ConfigError(f"identity: expected sources of {', '.join(_SOURCES)}, got {self.sources}.")
        if not 0 < self.held_out < 1 or self.held_out_people < 1 or self.limit < 0:
            raise ConfigError(
                "identity: expected held_out between 0 and 1, held_out_people of at least 1 and a limit of "
                f"at least 0, got {self.held_out}, {self.held_out_people} and {self.limit}."
            )


@dataclass(frozen=True)
class PeoplePhotos:
    """Photos of a source.

    Attributes:
        images: The photos in their order, each decoded when it is its turn.
        person: Who each shows.
        clip: From which clip it is; see `IdentityFaces`.
        held_out: Whether that person is kept for validation.
        annotated_px: The 68 points where the source has them.
    """

    images: Iterator[UInt8[np.ndarray, "height width 3"]]
    person: np.ndarray
    clip: np.ndarray
    held_out: np.ndarray
    annotated_px: np.ndarray | None


def build_identity_faces(
    data: Path, folder: Path, recipe: IdentityRecipe, report: Callable[[str], None]
) -> list[IdentityFaces]:
    """Align the faces of a recipe's sources, or read those that are there already.

    Args:
        data: Holds the folders of the sources.
        folder: Where aligned faces are kept.
        recipe: Which ones, and how.
        report: Gets a line for each source.

    Raises:
        DataError: If a source is missing, or no face is found in it.
    """
    content = json.dumps(dataclasses.asdict(recipe) | {"sources": None}, sort_keys=True)
    made_by = hashlib.sha256(content.encode()).hexdigest()[:16]
    sources = []
    for name in recipe.sources:
        try:
            faces = IdentityFaces.load(folder / name, made_by)
        except DataError:
            align_people(name, _read(name, data / name, recipe), recipe.weights).save(folder / name, made_by)
            faces = IdentityFaces.load(folder / name, made_by)
        people, kept = len(np.unique(faces.person)), len(np.unique(faces.person[faces.held_out]))
        report(f"{name}: {len(faces)} faces of {people} people, {kept} of them held out")
        sources.append(faces)
    return sources


def align_people(name: str, people: PeoplePhotos, weights: str) -> IdentityFaces:
    """Find the face in each photo and cut it out; photos without a face that can be trusted are left out.

    Raises:
        DataError: If there is none at all.
    """
    reconstructor = Reconstructor(ReconstructorConfig(weights, threads=1))
    canvases, kept = [], []
    images = track(people.images, f"aligning faces of {name}", "photos", len(people.person))
    for row, image in enumerate(images):
        annotated = None if people.annotated_px is None else people.annotated_px[row]
        points = _landmarks(reconstructor, image, annotated)
        if points is not None:
            canvases.append(aligned_canvas(image, points))
            kept.append(row)
    if not kept:
        raise DataError(f"{name}: expected faces, found none in {len(people.person)} photos.")
    rows = np.array(kept)
    stacked = np.stack(canvases)
    return IdentityFaces(name, stacked, people.person[rows], people.clip[rows], people.held_out[rows])


def aligned_canvas(
    image: UInt8[np.ndarray, "height width 3"], points68_px: Float[np.ndarray, "68 2"]
) -> UInt8[np.ndarray, "160 160 3"]:
    """The aligned face with what is around it."""
    picture = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    aligned = ARCFACE_FACE.alignment(torch.from_numpy(points68_px)[None].float(), ALIGNED_PX)
    canvas_from_image = PlanarSimilarity(aligned.linear, aligned.offset + (CANVAS_PX - ALIGNED_PX) / 2)
    canvas = warp_image(picture, canvas_from_image, CANVAS_PX)[0]
    return canvas.round().byte().permute(1, 2, 0).numpy()


def _landmarks(
    reconstructor: Reconstructor,
    image: UInt8[np.ndarray, "height width 3"],
    annotated_px: Float[np.ndarray, "68 2"] | None,
) -> Float[np.ndarray, "68 2"] | None:
    """Predicted points of the person that a photo is of: of the annotated face, or of that in the middle."""
    height, width = image.shape[:2]
    place = np.array([width, height]) / 2 if annotated_px is None else annotated_px[17:].mean(axis=0)
    faces = reconstructor.reconstruct(image).faces
    distances = [float(np.linalg.norm(face.landmarks68_px[17:].mean(axis=0) - place)) for face in faces]
    # What is further away is somebody else.
    if not faces or min(distances) > 0.2 * min(height, width):
        return annotated_px
    return faces[int(np.argmin(distances))].landmarks68_px


def _read(name: str, folder: Path, recipe: IdentityRecipe) -> PeoplePhotos:
    """Photos of a source, or of its first people."""
    if name == "lfw":
        lfw = Lfw(folder)
        rows = _rows(lfw.person, recipe.limit)
        always = np.array([], dtype=np.int64)
        annotated, clip = None, np.arange(len(rows))
    else:
        ytf = Ytf(folder)
        rows = _rows(ytf.person, recipe.limit)
        always = np.unique(ytf.person[rows][held_out_ytf(ytf, recipe.held_out_people)[rows]])
        named = [f"{ytf.person[row]} {ytf.clips[row]}" for row in rows]
        annotated, clip = ytf.points68_px[rows], np.unique(named, return_inverse=True)[1]
    source = lfw if name == "lfw" else ytf
    person = source.person[rows]
    held_out = np.isin(person, held_out_people(person, recipe.held_out, always, recipe.seed))
    return PeoplePhotos(source.iter_images(rows.tolist()), person, clip, held_out, annotated)


def _rows(person: np.ndarray, limit: int) -> np.ndarray:
    return np.flatnonzero(np.isin(person, np.unique(person)[: limit or None]))
