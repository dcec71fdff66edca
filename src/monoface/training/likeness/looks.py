"""What a network and the recognition network say of photos, as when faces are reconstructed; kept."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from monoface.core.array_files import open_npz
from monoface.core.arrays import in_torch
from monoface.core.assets import asset_sha256
from monoface.core.errors import ConfigError, DataError
from monoface.core.files import write_atomically
from monoface.core.progress import track
from monoface.detection import Detection
from monoface.facemodel import FaceModel
from monoface.facemodel.dense_points import DensePoints
from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.identity_prior import IdentityMap
from monoface.facemodel.estimation.input_domain import TURN_DEG
from monoface.facemodel.estimation.refinement import RefineConfig, SeenPoints
from monoface.geometry.roi import SIDE_PER_BOX
from monoface.networks import Recognizer
from monoface.networks.recognition.weights import DESCRIPTOR_SIZE
from monoface.photos.loaded import LoadedImage
from monoface.pipeline import Face, Reconstructor, ReconstructorConfig
from monoface.pipeline.refining.refinement_file import DESCRIPTOR, REGRESSED, Refinement
from monoface.pipeline.refining.refiner import Refiner, turn_deg

Picture = UInt8[np.ndarray, "height width 3"]
_RECOGNITION = "recognition.safetensors"
_POSE = tuple(one.name for one in fields(Poses))


@dataclass(frozen=True, eq=False)
class Looks:
    """What was seen in photos: a row for each; NaN where no face was found.

    Attributes:
        keys: Of the photos.
        seen: Points that the network finds, in pixels of the photos.
        start: Pose and expression that it says.
        identity: Identity that it says.
        descriptor: What the recognition network says.
    """

    keys: tuple[str, ...]
    seen: SeenPoints
    start: Poses
    identity: Float[np.ndarray, "photos identity"]
    descriptor: Float[np.ndarray, "photos 128"]

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, rows: Int[np.ndarray, " rows"]) -> "Looks":
        keys = tuple(self.keys[row] for row in rows)
        return Looks(keys, self.seen[rows], self.start[rows], self.identity[rows], self.descriptor[rows])

    @property
    def found(self) -> Bool[np.ndarray, " photos"]:
        """Where there is a face."""
        return np.isfinite(self.start.scale_px)

    @property
    def turn_deg(self) -> Float[np.ndarray, " photos"]:
        """How far each face is turned from the camera."""
        return turn_deg(self.start.rotation)

    @property
    def inputs(self) -> dict[str, Float[np.ndarray, "photos _"]]:
        """What an identity map sees, but for what is measured."""
        return {
            REGRESSED: self.identity,
            DESCRIPTOR: self.descriptor,
            TURN_DEG: self.turn_deg[:, None],
        }

    @classmethod
    def joined(cls, parts: Sequence["Looks"]) -> "Looks":
        """Those of several in a row."""
        return cls(
            tuple(key for part in parts for key in part.keys),
            SeenPoints.joined([part.seen for part in parts]),
            Poses.joined([part.start for part in parts]),
            np.concatenate([part.identity for part in parts]),
            np.concatenate([part.descriptor for part in parts]),
        )

    def save(self, path: Path, recipe: str) -> None:
        """Write them; `recipe` identifies how they were made."""
        arrays: dict[str, Any] = {"place_px": self.seen.place_px, "sigma_px": self.seen.sigma_px}
        arrays |= {"identity": self.identity}
        arrays |= {"descriptor": self.descriptor} | {name: getattr(self.start, name) for name in _POSE}
        arrays |= {"key": np.array(self.keys), "recipe": np.array(recipe)}
        write_atomically(path, lambda file: np.savez(file, **arrays), overwrite=True)

    @classmethod
    def load(cls, path: Path) -> tuple["Looks", str]:
        """Read them, and their recipe.

        Raises:
            DataError: If they cannot be read.
        """
        with open_npz(path, "what was seen in photos", advice="Delete it.") as archive:
            seen = SeenPoints(archive["place_px"], archive["sigma_px"])
            start = Poses(*(archive[name] for name in _POSE))
            keys = tuple(archive["key"].tolist())
            looks = cls(keys, seen, start, archive["identity"], archive["descriptor"])
            return looks, str(archive["recipe"])


class Looker:
    """Looks at photos with weights that have not been refined; keeps what it saw in a folder.

    Args:
        weights: File of a regressor that finds points.
        folder: Where looks are kept.
        report: Gets lines about the progress.
        face_model: File of the weights' face model; the shipped one by default.

    Raises:
        ConfigError: If the weights see through a pinhole of their own.
        ModelFileError: If they find no points.
    """

    def __init__(
        self, weights: Path, folder: Path, report: Callable[[str], None], face_model: Path | None = None
    ) -> None:
        config = ReconstructorConfig(
            weights=str(weights), face_model=face_model, max_faces=1, refine="none", threads=1
        )
        self.reconstructor = Reconstructor(config)
        info = self.reconstructor.regressor.info
        if info.focal_per_size is not None:
            raise ConfigError(f"weights {weights.name}: expected weak perspective, got a pinhole.")
        model = FaceModel(in_torch(self.reconstructor.face_model.data))
        self.model = model
        self.reconstructor.refiner = Refiner(
            _looking_only(model.identity_size, _points(self.reconstructor)), info, model, Recognizer(1)
        )
        self._folder, self._report = folder, report
        self._detector = self.reconstructor.detector
        self._recipe = self.reconstructor.regressor.sha256

    def look(
        self,
        name: str,
        keys: Sequence[str],
        pictures: Callable[[int], Picture],
        rows: Iterable[int],
        square: float = 0.0,
    ) -> Looks:
        """What is seen in some photos of a source; those seen before with the same weights are remembered.

        Args:
            name: Of the source, for the file.
            keys: Of all its photos.
            pictures: Decodes one of them.
            rows: Which are looked at.
            square: Side of the square in the middle that regressors are trained on, in sides of the picture,
                of pictures that are cut for them; 0 lets the detector find the face.
        """
        self.reconstructor.detector = _InTheMiddle(square) if square else self._detector
        wanted = list(rows)
        path = self._folder / f"looks.{name}.npz"
        before: Looks | None = None
        if path.is_file():
            before, recipe = Looks.load(path)
            before = before if recipe == self._recipe else None
        known = {} if before is None else {key: row for row, key in enumerate(before.keys)}
        missing = [row for row in dict.fromkeys(wanted) if keys[row] not in known]
        everything = [] if before is None else [before]
        if missing:
            self._report(f"{name}: looking at {len(missing)} photos")
            everything.append(self._look([keys[row] for row in missing], (pictures(row) for row in missing)))
        looks = Looks.joined(everything)
        if missing:
            self._folder.mkdir(parents=True, exist_ok=True)
            looks.save(path, self._recipe)
        known = {key: row for row, key in enumerate(looks.keys)}
        return looks[np.array([known[keys[row]] for row in wanted], np.int64)]

    def _look(self, keys: Sequence[str], pictures: Iterable[Picture]) -> Looks:
        results = track(
            self.reconstructor.reconstruct_many(pictures), "looking at photos", "photos", len(keys)
        )
        faces = [result.all_faces[0] if result.all_faces else None for result in results]
        parts = [_of_face(key, face) for key, face in zip(keys, faces, strict=True)]
        example = next((part for part in parts if part is not None), None)
        if example is None:
            raise DataError(f"photos {keys[0]} and others: expected faces, found none.")
        return Looks.joined([part or _nothing(key, example) for key, part in zip(keys, parts, strict=True)])


class _InTheMiddle:
    """A detector of the one face of square pictures that were cut around it.

    Args:
        square: Side of the square that a regressor is shown, in sides of the picture.
    """

    def __init__(self, square: float) -> None:
        self._half = square / SIDE_PER_BOX / 2

    def detect_photos(self, photos: Sequence[LoadedImage]) -> list[list[Detection]]:
        """The face of each picture."""
        return [[self._face(*photo.size_px)] for photo in photos]

    def _face(self, width: int, height: int) -> Detection:
        middle, half = np.array([width, height]) / 2, self._half * width
        box = np.concatenate((middle - half, middle + half))
        keypoints = np.repeat(middle[None], 6, axis=0)
        return Detection(box, 1.0, keypoints, box)


def _of_face(key: str, face: Face | None) -> Looks | None:
    if face is None or face.posed.measurement is None:
        return None
    told = face.posed.measurement
    inputs = told.inputs
    return Looks((key,), told.seen, told.start, inputs[REGRESSED], inputs[DESCRIPTOR])


def _nothing(key: str, example: Looks) -> Looks:
    """A row of NaN."""

    def empty(array: np.ndarray) -> np.ndarray:
        return np.full_like(array, np.nan)

    seen = SeenPoints(empty(example.seen.place_px), empty(example.seen.sigma_px))
    start = Poses(*(empty(getattr(example.start, name)) for name in _POSE))
    return replace(
        example,
        keys=(key,),
        seen=seen,
        start=start,
        identity=empty(example.identity),
        descriptor=empty(example.descriptor),
    )


def _looking_only(identity: int, points: int) -> Refinement:
    """A refinement that changes nothing, and sees everything."""
    told = IdentityMap(
        ((REGRESSED, identity), (DESCRIPTOR, DESCRIPTOR_SIZE)),
        np.eye(identity, identity + DESCRIPTOR_SIZE),
        np.zeros(identity),
        np.eye(identity),
        np.zeros(identity),
        np.eye(identity),
    )
    config = RefineConfig(steps=0, last_steps=0, discount=0.0)
    return Refinement(config, told, np.zeros((points, 3)), recognition=asset_sha256(_RECOGNITION))


def _points(reconstructor: Reconstructor) -> int:
    return len(DensePoints.of(reconstructor.face_model, reconstructor.regressor.info.point_sets))
