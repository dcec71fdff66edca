"""From a photo to its faces, each a square picture with the teacher's marks and the annotated points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Float32, UInt8

from monoface.data.packs.photo_pack import canvas_box
from monoface.data.sources.annotated_face import AnnotatedFace
from monoface.detection import Detection
from monoface.detection.crops import SquareCrop, photo_from_array
from monoface.detection.facemesh import MESH_CROP_SCALE
from monoface.detection.teacher import FaceMeshTeacher, crop_from_detection
from monoface.geometry.crops import crop_and_resize, photo_to_crop
from monoface.geometry.roi import box_iou, roi_of_box

SQUARE_PX = 240
"""Side of the squares: half as much again as a canvas, which is cut out of it once the fit is known."""

SAME_IOU = 0.2
"""Boxes that overlap so far are of one face."""


class DetectsFaces(Protocol):
    """Finds faces in RGB photos, as `FaceDetector` does."""

    def detect_batch(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]]
    ) -> Sequence[Sequence[Detection]]:
        """Faces of several photos."""
        ...


@dataclass(frozen=True, eq=False)
class Candidate:
    """Where a face is, before it is cut out.

    Attributes:
        box: Of the 68 points, in pixels of the photo.
        teacher_crop: Where the teacher looks first.
        annotated: What is known about the face.
    """

    box: Float[np.ndarray, " 4"]
    teacher_crop: SquareCrop
    annotated: AnnotatedFace | None = None

    @property
    def side_px(self) -> float:
        """Longer side of the box."""
        return float((self.box[2:] - self.box[:2]).max())


@dataclass(frozen=True, eq=False)
class FaceSquare:
    """A face as it is labelled: the size of the canvas's part of the photo, at `SQUARE_PX`.

    Attributes:
        image: RGB; black beyond the photo.
        marks_px: The teacher's points.
        score: How sure the teacher is of a face.
        points_px: Annotated points by set.
        yaw_deg: Yaw that is known from elsewhere.
    """

    image: UInt8[np.ndarray, "240 240 3"]
    marks_px: Float32[np.ndarray, "468 2"]
    score: float
    points_px: dict[str, Float32[np.ndarray, "points 2"]]
    yaw_deg: float | None


def find_candidates(detections: Sequence[Detection], annotated: Sequence[AnnotatedFace]) -> list[Candidate]:
    """The faces to cut out of a photo: all that are detected, or where there are annotations, those.

    An annotated face lies where a detection covers it best; where none does, in the box of its annotation.
    """
    if not annotated:
        return [Candidate(one.box, crop_from_detection(one)) for one in detections]
    return [_candidate_of(face, detections) for face in annotated if face.seen]


def cut_faces(
    image: UInt8[np.ndarray, "height width 3"], candidates: Sequence[Candidate], teacher: FaceMeshTeacher
) -> list[FaceSquare]:
    """Squares of the faces of one photo, marked by the teacher."""
    photo = photo_from_array(image)
    meshes = teacher.mark([photo] * len(candidates), [one.teacher_crop for one in candidates])
    squares = []
    for one, marks, score in zip(candidates, meshes.points_px, meshes.score, strict=True):
        box = canvas_box(roi_of_box(one.box))
        annotated = one.annotated or AnnotatedFace({})
        squares.append(
            FaceSquare(
                image=crop_and_resize(image, box, SQUARE_PX),
                marks_px=photo_to_crop(marks[:, :2], box, SQUARE_PX).astype(np.float32),
                score=float(score),
                points_px={
                    name: photo_to_crop(points, box, SQUARE_PX).astype(np.float32)
                    for name, points in annotated.points_px.items()
                },
                yaw_deg=annotated.yaw_deg,
            )
        )
    return squares


def _candidate_of(face: AnnotatedFace, detections: Sequence[Detection]) -> Candidate:
    box = face.points_box if face.box is None else face.box
    if not face.fixed_on_mesh and detections:
        overlaps = box_iou(box, np.stack([one.box for one in detections]))
        best = int(overlaps.argmax())
        if overlaps[best] >= SAME_IOU:
            return Candidate(detections[best].box, crop_from_detection(detections[best]), face)
    return Candidate(box, SquareCrop.from_box(box, MESH_CROP_SCALE), face)
