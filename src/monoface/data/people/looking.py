"""Run the networks once on each photo: mesh, irises, blendshapes and descriptor, kept in parts on disk."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8

from monoface.core.assets import asset_sha256, sha256_of
from monoface.core.errors import DataError, ImageError
from monoface.data.people.looks import BLENDSHAPES, DESCRIPTOR, Looks
from monoface.data.people.photos import PeoplePhotos
from monoface.detection import FaceDetector
from monoface.detection.crops import SquareCrop, photo_from_array
from monoface.detection.facemesh import MESH_CROP_SCALE
from monoface.detection.landmarker import LANDMARKER_POINTS, FaceLandmarker
from monoface.detection.teacher import FaceMeshConfig, FaceMeshTeacher
from monoface.networks.recognition.recognizer import Recognizer

PASSES = 3
"""Times the mesh network runs on each face."""

# Where the face is in photos that are crops of one, in parts of their sides.
_MIDDLE = np.array((0.15, 0.2, 0.85, 0.9))
# Of the mesh, and which of the 68 they stand for: eye corners and the nose base, by which faces are aligned.
_MESH_CORNERS, _CORNERS = (263, 362, 33, 133, 2), (45, 42, 36, 39, 33)
_PART = 256


@dataclass(frozen=True)
class SeenFace:
    """What networks see of one face; see `Looks`."""

    points_px: Float32[np.ndarray, "478 2"]
    depth_px: Float32[np.ndarray, " 478"]
    score: float
    blendshapes: Float32[np.ndarray, " 52"]


class LandmarkerMarks:
    """Marks of the user's face landmarker."""

    def __init__(self, path: Path) -> None:
        self._landmarker = FaceLandmarker(path, passes=PASSES)
        self.digest = sha256_of(path)[:16]

    def __call__(self, image: UInt8[np.ndarray, "height width 3"], box: Float[np.ndarray, " 4"]) -> SeenFace:
        """Mesh with irises, and blendshapes."""
        face = self._landmarker(image, box)
        return SeenFace(face.points_px[:, :2], face.points_px[:, 2], face.score, face.blendshapes)


class MeshMarks:
    """Marks of the shipped face mesh, which knows neither irises nor blendshapes."""

    def __init__(self) -> None:
        self._teacher = FaceMeshTeacher(FaceMeshConfig(passes=PASSES))
        self.digest = asset_sha256("facemesh.onnx")[:16]

    def __call__(self, image: UInt8[np.ndarray, "height width 3"], box: Float[np.ndarray, " 4"]) -> SeenFace:
        """The mesh."""
        crop = SquareCrop.from_box(box, MESH_CROP_SCALE)
        found = self._teacher.mark([photo_from_array(image)], [crop])
        points = np.full((LANDMARKER_POINTS, 3), np.nan, np.float32)
        points[: found.points_px.shape[1]] = found.points_px[0]
        unknown = np.full(BLENDSHAPES, np.nan, np.float32)
        return SeenFace(points[:, :2], np.nan_to_num(points[:, 2]), float(found.score[0]), unknown)


class Eyes:
    """All networks that look at a photo.

    Args:
        landmarker: The user's own `face_landmarker.task`; without one the shipped mesh looks.
    """

    def __init__(self, landmarker: Path | None = None) -> None:
        self._marks: LandmarkerMarks | MeshMarks
        self._marks = MeshMarks() if landmarker is None else LandmarkerMarks(landmarker)
        self._recognizer = Recognizer()
        self._detector: FaceDetector | None = None

    @property
    def digest(self) -> str:
        """Identifies the networks."""
        names = "".join(
            asset_sha256(name)
            for name in ("recognition.safetensors", "blazeface_short.onnx", "blazeface_full.onnx")
        )
        return hashlib.sha256((self._marks.digest + names).encode()).hexdigest()[:16]

    def look(self, image: UInt8[np.ndarray, "height width 3"], *, find: bool) -> SeenFace | None:
        """The face of a photo: its largest one, where it has to be found; None if there is none."""
        height, width = image.shape[:2]
        box = _MIDDLE * (width, height, width, height)
        if find:
            self._detector = self._detector or FaceDetector()
            found = self._detector.detect(image)
            if not found:
                return None
            box = max(
                (one.network_box for one in found), key=lambda one: (one[2] - one[0]) * (one[3] - one[1])
            )
        return self._marks(image, box)

    def describe(
        self, image: UInt8[np.ndarray, "height width 3"], points_px: Float32[np.ndarray, "478 2"]
    ) -> Float32[np.ndarray, " 128"]:
        """Descriptor of a marked face: the mean of those of the photo and of its mirror image."""
        corners = np.full((1, 68, 2), np.nan)
        corners[0, list(_CORNERS)] = points_px[list(_MESH_CORNERS)]
        mirrored = corners.copy()
        mirrored[..., 0] = image.shape[1] - mirrored[..., 0]
        # In the mirror the subject's eyes change places.
        swapped = (36, 39, 45, 42, 33)
        mirrored[0, list(_CORNERS)] = mirrored[0, list(swapped)]
        there = self._recognizer(image, corners)
        back = self._recognizer(np.ascontiguousarray(image[:, ::-1]), mirrored)
        mean: np.ndarray = (there[0] + back[0]) / 2
        return mean.astype(np.float32)


def looks_recipe(photos: PeoplePhotos, eyes: Eyes) -> str:
    """Identifies what is seen in the photos of a source."""
    content = [photos.name, photos.digest, eyes.digest, PASSES]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def look_at_photos(
    photos: PeoplePhotos,
    eyes: Eyes,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    describe: bool = True,
) -> Looks:
    """Look at all photos of a source, or read what an earlier run has seen.

    Args:
        photos: Of the source.
        eyes: The networks that run on the photos.
        folder: Where parts are kept, each complete or absent.
        progress: Told how many photos of how many are done.
        describe: Whether descriptors are wanted; without, those that are not there already are NaN.
    """
    recipe = looks_recipe(photos, eyes)
    parts = []
    for number, start in enumerate(range(0, len(photos), _PART)):
        rows = range(start, min(start + _PART, len(photos)))
        path = folder / f"{number:05d}.npz"
        try:
            part = Looks.load(path, recipe)
        except DataError:
            part = _look(photos, rows, eyes, progress, describe=describe)
            part.save(path, recipe)
        if describe and not part.described:
            part = _described(photos, rows, eyes, part)
            part.save(path, recipe)
        parts.append(part)
        progress(rows[-1] + 1, len(photos))
    return Looks.joined(parts)


def forget_descriptors(folder: Path) -> None:
    """Remove the descriptors from what was seen: they are biometric, and no longer needed."""
    for path in folder.glob("*.descriptors.npy"):
        path.unlink()


def _look(
    photos: PeoplePhotos,
    rows: Sequence[int],
    eyes: Eyes,
    progress: Callable[[int, int], None],
    *,
    describe: bool,
) -> Looks:
    count = len(rows)
    looks = Looks(
        tuple(photos.keys[row] for row in rows),
        np.full((count, LANDMARKER_POINTS, 2), np.nan, np.float32),
        np.zeros((count, LANDMARKER_POINTS), np.float32),
        np.zeros(count, np.float32),
        np.full((count, BLENDSHAPES), np.nan, np.float32),
        np.full((count, DESCRIPTOR), np.nan, np.float32),
    )
    for place, row in enumerate(rows):
        progress(row, len(photos))
        try:
            image = photos.image(row)
        except (ImageError, DataError):
            continue
        face = eyes.look(image, find=photos.find)
        if face is None:
            continue
        looks.points_px[place], looks.depth_px[place] = face.points_px, face.depth_px
        looks.score[place], looks.blendshapes[place] = face.score, face.blendshapes
        if describe:
            looks.descriptor[place] = eyes.describe(image, face.points_px)
    return looks


def _described(photos: PeoplePhotos, rows: Sequence[int], eyes: Eyes, looks: Looks) -> Looks:
    """Looks whose descriptors were removed, with new ones."""
    for place, row in enumerate(rows):
        if looks.score[place] > 0:
            looks.descriptor[place] = eyes.describe(photos.image(row), looks.points_px[place])
    return looks
