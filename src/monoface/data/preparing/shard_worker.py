"""Preparing the photos of one shard: read, leave out duplicates, detect, cut out, label."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import UInt8

from monoface.core.errors import DataError, ImageError
from monoface.core.names import encodable
from monoface.data.packs.photo_pack import Pack
from monoface.data.preparing.annotation_checks import (
    WRONG,
    WRONG_TEXTS,
    AnnotationChecker,
    CheckedCandidate,
)
from monoface.data.preparing.face_labels import LabelledFaces, label_faces
from monoface.data.preparing.face_squares import (
    Candidate,
    DetectsFaces,
    FaceSquare,
    cut_faces,
    find_candidates,
)
from monoface.data.preparing.prepare_config import PrepareConfig
from monoface.data.preparing.prepared import PHOTOS, TURNED_VIEWS, VALIDATION, Record
from monoface.data.sources.annotated_face import AnnotatedFace
from monoface.data.sources.annotations import Annotations
from monoface.detection import Detection
from monoface.detection.teacher import FaceMeshTeacher
from monoface.facemodel import FaceModel

# Photos that share the runs of the detector, and threads that read them.
_TOGETHER, _READERS = 4, 2


class ReadPhoto(Protocol):
    """An upright photo, as `pipeline.images.LoadedImage` is."""

    @property
    def image_srgb(self) -> UInt8[np.ndarray, "height width 3"]:
        """RGB, perhaps smaller than the photo."""
        ...

    @property
    def scale(self) -> float:
        """Its pixels per pixel of the upright photo."""
        ...


PhotoReader = Callable[[Path], ReadPhoto]
"""Reads a photo, or raises `ImageError`."""


@dataclass(frozen=True)
class Networks:
    """What looks at photos."""

    detector: DetectsFaces
    teacher: FaceMeshTeacher


class ShardWorker:
    """Prepares shards, and knows which photos came already."""

    def __init__(
        self,
        folder: Path,
        annotations: Annotations,
        model: FaceModel,
        networks: Networks,
        read: PhotoReader,
        config: PrepareConfig,
    ) -> None:
        self._folder = folder
        self._annotations = annotations
        self._model = model
        self._networks = networks
        self._read = read
        self._config = config
        self._checker = AnnotationChecker(model, networks.teacher)
        self._first: dict[str, str] = {}

    def recall(self, records: Sequence[Record]) -> None:
        """Remember photos of a shard that is there already."""
        for record in records:
            if "hash" in record:
                self._first.setdefault(record["hash"], record["photo"])

    def prepare(
        self, number: int, photos: Sequence[str], progress: Callable[[int], None]
    ) -> tuple[list[Record], dict[str, Pack]]:
        """Records of the photos of a shard, and its packs by kind."""
        records: list[Record] = []
        found: dict[bool, list[tuple[Record, FaceSquare]]] = {False: [], True: []}
        for together in _groups(self._read_ahead(photos), _TOGETHER):
            detections = self._detect([one for one in together if one.image is not None])
            for one in together:
                record, squares = self._cut(one, detections)
                records.append(record)
                large = [face for face in record.get("faces", ()) if "outcome" not in face]
                found["held_out" in record] += zip(large, squares, strict=True)
            progress(len(records))
        training = self._label(found[False], self._config.turn.views, number)
        validation = self._label(found[True], 0, number)
        for record in records:
            if "outcome" not in record:
                record["outcome"] = _outcome_of(record)
        packs = {PHOTOS: training.photos, TURNED_VIEWS: training.turned, VALIDATION: validation.photos}
        return records, packs

    def _label(self, faces: Sequence[tuple[Record, FaceSquare]], views: int, number: int) -> LabelledFaces:
        """Packs of faces; their outcomes go into their records."""
        squares = [square for _, square in faces]
        seed = self._config.seed * 1_000_003 + number
        labelled = label_faces(squares, self._model, self._config, views=views, seed=seed)
        for (record, _), outcome in zip(faces, labelled.outcomes, strict=True):
            record["outcome"] = outcome
        return labelled

    def _read_ahead(self, photos: Sequence[str]) -> Iterator["_Photo"]:
        """Photos in order, read by threads that stay a little ahead; duplicates have no pixels."""
        pool = ThreadPoolExecutor(_READERS, thread_name_prefix="monoface-read")
        waiting: deque[Future[_Photo]] = deque()
        try:
            for photo in photos:
                waiting.append(pool.submit(self._open, photo))
                if len(waiting) > 2 * _READERS:
                    yield self._without_duplicates(waiting.popleft().result())
            while waiting:
                yield self._without_duplicates(waiting.popleft().result())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _open(self, photo: str) -> "_Photo":
        record: Record = {"photo": encodable(photo)}
        try:
            read = self._read(self._folder / photo)
            annotated = tuple(_scaled(face, read.scale) for face in self._annotations.faces(photo))
            _check_sets(photo, annotated, self._model)
        except ImageError as error:
            return _Photo(record | {"outcome": "unreadable", "reason": _reason(error, self._folder)})
        except DataError as error:
            return _Photo(record | {"outcome": "bad_annotation", "reason": _reason(error, self._folder)})
        digest = hashlib.sha256(str(read.image_srgb.shape).encode())
        digest.update(read.image_srgb.tobytes())
        record["hash"] = digest.hexdigest()[:32]
        if self._config.held_out and int(record["hash"], 16) % self._config.held_out == 0:
            record["held_out"] = True
        return _Photo(record, read.image_srgb, annotated)

    def _without_duplicates(self, photo: "_Photo") -> "_Photo":
        if photo.image is None:
            return photo
        first = self._first.setdefault(photo.record["hash"], photo.record["photo"])
        if first == photo.record["photo"]:
            return photo
        return _Photo(photo.record | {"outcome": "duplicate", "reason": f"same picture as {first}"})

    def _detect(self, photos: Sequence["_Photo"]) -> dict[str, Sequence[Detection]]:
        """Detections by photo, where the annotations do not say it all."""
        unsure = [
            one for one in photos if not one.annotated or not all(f.fixed_on_mesh for f in one.annotated)
        ]
        if not unsure:
            return {}
        found = self._networks.detector.detect_batch([one.pixels for one in unsure])
        return {one.record["photo"]: faces for one, faces in zip(unsure, found, strict=True)}

    def _cut(
        self, photo: "_Photo", detections: dict[str, Sequence[Detection]]
    ) -> tuple[Record, list[FaceSquare]]:
        """Record of a photo, and its faces that are large enough, in the order of the record."""
        if photo.image is None:
            return photo.record, []
        candidates = find_candidates(detections.get(photo.record["photo"], ()), photo.annotated)
        candidates = sorted(candidates, key=lambda one: -one.side_px)[: self._config.max_faces]
        if not candidates:
            return photo.record | {"outcome": "no_face"}, []
        faces: list[Record] = []
        chosen: list[tuple[Record, Candidate]] = []
        for one in self._checked(photo, candidates, detections):
            face = _face_record(one)
            faces.append(face)
            if "outcome" not in face and one.candidate.side_px < self._config.min_face_px:
                face["outcome"] = "too_small"
            elif "outcome" not in face:
                chosen.append((face, one.candidate))
        teacher = self._networks.teacher
        squares = cut_faces(photo.image, [one for _, one in chosen], teacher) if chosen else []
        for (face, _), square in zip(chosen, squares, strict=True):
            face["score"] = round(square.score, 3)
        return photo.record | {"faces": faces}, squares

    def _checked(
        self, photo: "_Photo", candidates: Sequence[Candidate], detections: dict[str, Sequence[Detection]]
    ) -> list[CheckedCandidate]:
        """Faces of a photo, with what is wrong with their annotations."""
        if not photo.annotated:
            return [CheckedCandidate(one) for one in candidates]

        def detect() -> Sequence[Detection]:
            name = photo.record["photo"]
            if name not in detections:
                detections[name] = self._networks.detector.detect_batch([photo.pixels])[0]
            return detections[name]

        return self._checker.check(photo.pixels, candidates, detect)


@dataclass(frozen=True, eq=False)
class _Photo:
    record: Record
    image: UInt8[np.ndarray, "height width 3"] | None = None
    annotated: tuple[AnnotatedFace, ...] = ()

    @property
    def pixels(self) -> UInt8[np.ndarray, "height width 3"]:
        assert self.image is not None
        return self.image


def _outcome_of(record: Record) -> str:
    """Outcome of a photo: that some face is kept, or why the largest is not."""
    outcomes: list[str] = [face["outcome"] for face in record["faces"]]
    return "kept" if any(one.startswith("kept") for one in outcomes) else outcomes[0]


def _face_record(one: CheckedCandidate) -> Record:
    record: Record = {"box": [round(float(edge), 1) for edge in one.candidate.box]}
    if one.candidate.annotated is not None:
        record["annotated"] = True
    if one.mistake:
        reason = f"the annotated points {WRONG_TEXTS[one.mistake]}"
        record |= {"outcome": WRONG, "mistake": one.mistake, "reason": reason}
    return record


def _scaled(face: AnnotatedFace, scale: float) -> AnnotatedFace:
    """The annotation in pixels of a working copy of the photo."""
    points = {name: (points * scale).astype(np.float32) for name, points in face.points_px.items()}
    return AnnotatedFace(points, None if face.box is None else face.box * scale, face.yaw_deg)


def _check_sets(photo: str, annotated: Sequence[AnnotatedFace], model: FaceModel) -> None:
    for face in annotated:
        for name, points in face.points_px.items():
            if name not in model.data.landmarks or len(points) != len(model.data.landmarks[name]):
                raise DataError(
                    f"{photo}: the face model has no landmark set {name} of {len(points)} points."
                )


def _reason(error: Exception, folder: Path) -> str:
    """Message without the path of the folder."""
    return encodable(str(error).replace(f"{folder}{os.sep}", ""))


def _groups(photos: Iterator[_Photo], size: int) -> Iterator[list[_Photo]]:
    group: list[_Photo] = []
    for photo in photos:
        group.append(photo)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
