"""Whether annotated points lie on the face that the photo shows there, and if not, what went wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from monoface.data.labelling.pseudo_labels import TEACHER_SET
from monoface.data.preparing.face_squares import SAME_IOU, Candidate
from monoface.data.sources.annotated_face import JAW, AnnotatedFace
from monoface.detection import Detection
from monoface.detection.crops import SquareCrop, photo_from_array
from monoface.detection.facemesh import MESH_CROP_SCALE
from monoface.detection.teacher import FaceMeshTeacher, crop_from_detection
from monoface.facemodel import FaceModel
from monoface.facemodel.landmarks import LEFT_RIGHT_21, LEFT_RIGHT_68
from monoface.geometry.roi import box_iou
from monoface.metrics.point_mistakes import AS_GIVEN, MISTAKES, PointErrors, point_errors

WRONG = "wrong_annotation"
OFF_PHOTO, ANOTHER_FACE, CONTRADICTED = "off_photo", "another_face", "contradicted"
WRONG_TEXTS: Mapping[str, str] = {
    **MISTAKES,
    OFF_PHOTO: "lie outside the photo",
    ANOTHER_FACE: "lie on another face than their box",
    CONTRADICTED: "lie far from the parts of the face that is seen there",
}
"""What points do, by the name of what is wrong with them."""

# From this score on the teacher contradicts an annotation.
_SURE = 0.8
# Without a known mistake, points of a face that is seen are refused from this error on, in parts of its size:
# the teacher errs so far on no face that it is sure of.
_CONTRADICTS = 0.25
# Points of the mesh that are nearer than this on the face model stand for a point of another set.
_NEAR_MM = 10.0
_MIRRORED = {68: LEFT_RIGHT_68, 21: LEFT_RIGHT_21}
# These are plain where another face of the same look would do, too.
_MOVES = ("shifted", "moved")


@dataclass(frozen=True, eq=False)
class CheckedCandidate:
    """A face to cut out.

    Attributes:
        candidate: The face, where its points are found to lie.
        mistake: What is wrong with its points, a key of `WRONG_TEXTS`; empty if nothing is.
    """

    candidate: Candidate
    mistake: str = ""


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a face is, with the teacher's points of it."""

    candidate: Candidate
    errors: PointErrors
    is_own: bool


class AnnotationChecker:
    """Compares annotated points with what the teacher marks in the photo, where it is sure of a face."""

    def __init__(self, model: FaceModel, teacher: FaceMeshTeacher) -> None:
        self._model = model
        self._teacher = teacher
        self._teacher_points = cache(self._find_teacher_points)

    def check(
        self,
        image: UInt8[np.ndarray, "height width 3"],
        candidates: Sequence[Candidate],
        detect: Callable[[], Sequence[Detection]],
    ) -> list[CheckedCandidate]:
        """Say of each annotated face what is wrong with its points.

        Args:
            image: The photo.
            candidates: Its annotated faces.
            detect: Gives the faces that are detected in it; asked only if some points do not fit.
        """
        photo = photo_from_array(image)
        first = self._places(photo, candidates, candidates)
        return [
            _fitting(one, one)
            if place is not None and place.errors.fits
            else self._explained(photo, one, detect())
            for one, place in zip(candidates, first, strict=True)
        ]

    def _explained(
        self, photo: Image.Image, candidate: Candidate, detections: Sequence[Detection]
    ) -> CheckedCandidate:
        """A face whose points do not lie where the teacher marked it first, or where it is not sure."""
        annotated = _annotated(candidate)
        there = [Candidate(one.box, crop_from_detection(one), annotated) for one in detections]
        own = annotated.points_box
        if _is_in(own, photo.size):
            there.append(Candidate(own, SquareCrop.from_box(own, MESH_CROP_SCALE), annotated))
        found = self._places(photo, there, [candidate] * len(there))
        places = [place for place in found if place is not None]
        fitting = min(
            (place for place in places if place.errors.fits),
            key=lambda place: place.errors.by_mistake[AS_GIVEN],
            default=None,
        )
        if fitting is None:
            return CheckedCandidate(candidate, _mistake(places, annotated, photo.size))
        return _fitting(candidate, fitting.candidate)

    def _places(
        self, photo: Image.Image, places: Sequence[Candidate], owners: Sequence[Candidate]
    ) -> list[_Place | None]:
        """How far the owners' points are from the teacher's at some places; None where it is not sure."""
        marked = self._teacher.mark([photo] * len(places), [one.teacher_crop for one in places])
        found: list[_Place | None] = []
        for place, owner, marks_px, score in zip(places, owners, marked.points_px, marked.score, strict=True):
            errors = self._errors(_annotated(owner), marks_px[:, :2], photo.size)
            is_own = _overlap(_annotated(owner).points_box, place.box)
            sure = score >= _SURE and np.isfinite(errors.by_mistake[AS_GIVEN])
            found.append(_Place(place, errors, is_own) if sure else None)
        return found

    def _errors(
        self, annotated: AnnotatedFace, marks_px: Float[np.ndarray, "468 2"], size_px: tuple[int, int]
    ) -> PointErrors:
        name, points = max(annotated.points_px.items(), key=lambda item: np.isfinite(item[1]).sum())
        nearest = self._teacher_points(name)
        known_px = np.where(nearest[:, None] >= 0, marks_px[nearest], np.nan)
        return point_errors(points, known_px, _MIRRORED.get(len(points)), size_px)

    def _find_teacher_points(self, name: str) -> Int[np.ndarray, " points"]:
        """The teacher's point for each of a landmark set; -1 where it has none, or none that stays put."""
        points, marks = (
            self._model.subset(self._model.landmarks(one)).mean_mm.double().cpu().numpy()
            for one in (name, TEACHER_SET)
        )
        apart_mm = np.linalg.norm(points[:, None] - marks[None], axis=-1)
        nearest: np.ndarray = apart_mm.argmin(axis=1)
        nearest[apart_mm.min(axis=1) > _NEAR_MM] = -1
        if len(points) == len(LEFT_RIGHT_68):
            # The outline of a face is elsewhere on a turned one.
            nearest[JAW] = -1
        return nearest


def _fitting(candidate: Candidate, place: Candidate) -> CheckedCandidate:
    """A face whose points fit what is seen at a place, which may not be where its box is."""
    annotated = _annotated(candidate)
    if annotated.box is not None:
        low, high = annotated.box[:2], annotated.box[2:]
        middle, margin = np.add(*np.split(annotated.points_box, 2)) / 2, (high - low) / 2
        if (middle < low - margin).any() or (middle > high + margin).any():
            return CheckedCandidate(candidate, ANOTHER_FACE)
    return CheckedCandidate(place)


def _mistake(places: Sequence[_Place], annotated: AnnotatedFace, size_px: tuple[int, int]) -> str:
    """What is wrong with points that fit no face of the photo; empty if that cannot be told."""
    explained = [
        (place.errors.by_mistake[place.errors.mistake], place.errors.mistake)
        for place in places
        if place.errors.mistake and (place.is_own or place.errors.mistake != "moved")
    ]
    _, mistake = min(explained, default=(np.inf, ""))
    if mistake and mistake not in _MOVES:
        return mistake
    if _part_outside(annotated, size_px) > 0.5:
        return OFF_PHOTO
    own = [place.errors.by_mistake[AS_GIVEN] for place in places if place.is_own]
    return mistake or (CONTRADICTED if min(own, default=0.0) > _CONTRADICTS else "")


def _annotated(candidate: Candidate) -> AnnotatedFace:
    assert candidate.annotated is not None
    return candidate.annotated


def _overlap(first: Float[np.ndarray, " 4"], second: Float[np.ndarray, " 4"]) -> bool:
    return bool(box_iou(first, second[None])[0] >= SAME_IOU)


def _is_in(box: Float[np.ndarray, " 4"], size_px: tuple[int, int]) -> bool:
    """Whether the middle of a box lies in the photo, and it is of a size that can be looked at."""
    middle, extent = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max()
    return bool((middle >= 0).all() and (middle < size_px).all() and 8 < extent < 2 * max(size_px))


def _part_outside(annotated: AnnotatedFace, size_px: tuple[int, int]) -> float:
    """Which part of the points lies further outside the photo than the face may be cut off."""
    points = np.concatenate(list(annotated.points_px.values()))
    points = points[np.isfinite(points).all(axis=1)]
    return float(((points < 0) | (points > size_px)).any(axis=1).mean())
