"""Pseudo-labels: what the teacher and a fit of the face model say about photos without full annotation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from PIL import Image
from torch import Tensor

from monoface.core.progress import track, track_batches
from monoface.data.labelling.profile_yaw import turn_profiles_further
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack, canvas_box
from monoface.detection.crops import SquareCrop
from monoface.detection.teacher import FaceMeshTeacher
from monoface.facemodel import CoefficientLayout, FaceModel, LandmarkSet
from monoface.facemodel.fitting import FitConfig, LandmarkFit, fit_landmarks, project_points
from monoface.geometry.crops import crop_and_resize, photo_to_crop
from monoface.geometry.roi import roi_from_points
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix

TEACHER_SET = "facemesh468"
_BATCH = 1024

# AFLW's points that the teacher marks too: outer and inner eye corners, mouth corners, chin.
_AFLW_POINTS = (6, 8, 9, 11, 17, 19, 20)
_TEACHER_POINTS = (33, 133, 362, 263, 61, 291, 152)


@dataclass(frozen=True)
class LabelConfig:
    """When pseudo-labels are believed.

    Attributes:
        min_score: Face score of the teacher.
        max_disagreement_percent: Mean distance of the teacher from annotated points, in percent of the
            picture's side.
        max_error_percent: Error of the fit.
        max_yaw_deg: The teacher has seen few faces beyond.
        min_annotated: Annotated points from which a photo that the teacher cannot mark is fitted to these
            alone.
        annotated_yaw_deg: Range of the yaw in which such a fit is believed: faces that look aside.
        annotated_extra_yaw_deg: How much further such faces are turned; see `data.profile_yaw`.
        sparse_fit: Priors of such a fit, stronger than those of a dense one.
    """

    min_score: float = 0.6
    max_error_percent: float = 2.5
    max_yaw_deg: float = 48.0
    annotated_yaw_deg: tuple[float, float] = (35.0, 100.0)
    # Fixed; see `core.fixed_settings`.
    max_disagreement_percent: ClassVar[float] = 5.0
    min_annotated: ClassVar[int] = 7
    sparse_fit: ClassVar[FitConfig] = FitConfig(identity_weight=0.02, expression_weight=0.05)
    annotated_extra_yaw_deg: float = 4.0


@dataclass(frozen=True)
class LabelledPhotos:
    """Square photos of one face each, with what is known about them.

    Attributes:
        name: Where they come from.
        images: RGB, of any size.
        points_px: Landmarks in pixels of `FACE_PX` squares, to which the photos are imagined to be
            resized, by set; NaN where there is none.
        fit: The face model fitted to the landmarks, in the same squares.
        good: Where teacher and fit are believed.
        posed: Where only the fit to annotated points is: faces that look far aside.
        usual_box: Box of the face's crop, in the same squares, where no fit to the teacher gives it.
    """

    name: str
    images: Sequence[UInt8[np.ndarray, "height width 3"]]
    points_px: dict[str, Float32[np.ndarray, "photos points 2"]]
    fit: LandmarkFit
    good: Bool[np.ndarray, " photos"]
    posed: Bool[np.ndarray, " photos"]
    usual_box: tuple[float, float, float, float] = (0.0, 0.0, float(FACE_PX), float(FACE_PX))

    def pack(self, model: FaceModel) -> Pack:
        """The photos as training samples; where the teacher is not believed, the usual box."""
        boxes = self.roi_boxes(model)
        canvases = np.stack(
            [
                crop_and_resize(image, canvas_box(box) * (image.shape[0] / FACE_PX), CANVAS_PX)
                for image, box in zip(self.images, boxes, strict=True)
            ]
        )
        points = {
            name: photo_to_crop(points, canvas_box(boxes), CANVAS_PX).astype(np.float32)
            for name, points in self.points_px.items()
        }
        points[TEACHER_SET][~self.good] = np.nan
        outputs = recropped_outputs(self.fit, torch.from_numpy(boxes)).numpy()
        outputs[~(self.good | self.posed)] = np.nan
        return Pack(self.name, canvases, points, outputs)

    def roi_boxes(self, model: FaceModel) -> Float32[np.ndarray, "photos 4"]:
        """Box of each face's crop in `FACE_PX` squares: of the fit where the teacher helped."""
        basis = model.subset(model.landmarks("ibug68"))
        points = project_points(basis, self.fit.coefficients, self.fit.camera)
        boxes = roi_from_points(points).numpy()
        boxes[~self.good] = self.usual_box
        return boxes


def label_photos(
    name: str,
    images: Sequence[UInt8[np.ndarray, "height width 3"]],
    annotated_px: dict[str, Float32[np.ndarray, "photos points 2"]],
    model: FaceModel,
    teacher: FaceMeshTeacher,
    config: LabelConfig | None = None,
) -> LabelledPhotos:
    """Mark photos with the teacher and fit the face model to all landmarks.

    Args:
        name: Where the photos come from.
        images: Square photos of one face each.
        annotated_px: Landmarks that people annotated, in the photos' pixels, by set of the model.
        model: Has the sets of `annotated_px`, `facemesh468` and `ibug68`.
        teacher: Marks the photos.
        config: When to believe it.
    """
    marks, score = mark_photos(images, teacher)
    return label_marked_photos(name, images, annotated_px | {TEACHER_SET: marks}, score, model, config)


def label_marked_photos(
    name: str,
    images: Sequence[UInt8[np.ndarray, "height width 3"]],
    points_px: dict[str, Float32[np.ndarray, "photos points 2"]],
    score: Float32[np.ndarray, " photos"],
    model: FaceModel,
    config: LabelConfig | None = None,
) -> LabelledPhotos:
    """Fit the face model to photos that the teacher has marked already.

    Args:
        name: Where the photos come from.
        images: Square photos of one face each.
        points_px: The teacher's marks and what people annotated, in the photos' pixels, by set of the model.
        score: How sure the teacher is of each face.
        model: Has the sets of `points_px`, and `ibug68`.
        config: When to believe the teacher.
    """
    config = config or LabelConfig()
    zoom = np.array([FACE_PX / image.shape[0] for image in images], dtype=np.float32)[:, None, None]
    points = {set_name: points * zoom for set_name, points in points_px.items()}

    believed = score >= config.min_score
    if "aflw21" in points:
        agrees = (
            disagreement_percent(points["aflw21"], points[TEACHER_SET]) <= config.max_disagreement_percent
        )
        # Of a photo without any such point there is nothing to disagree with.
        believed &= agrees | ~np.isfinite(points["aflw21"]).any(axis=(1, 2))
    fit = _fit(model, points, believed, config)
    yaw, _, _ = head_angles_from_matrix(camera_to_head(fit.coefficients.rotation))
    yaw_deg = np.rad2deg(yaw.abs().numpy())
    close = (fit.error_percent <= config.max_error_percent).numpy()
    good = believed & close & (yaw_deg <= config.max_yaw_deg)

    annotated = sum(
        np.isfinite(points[one]).all(axis=-1).sum(axis=-1) for one in points if one != TEACHER_SET
    )
    low, high = config.annotated_yaw_deg
    posed = ~believed & close & (yaw_deg >= low) & (yaw_deg <= high) & (annotated >= config.min_annotated)
    return LabelledPhotos(name, images, points, fit, good, posed)


def recropped_outputs(fit: LandmarkFit, boxes: Float[Tensor, "batch 4"]) -> Float[Tensor, "batch outputs"]:
    """Output vectors of fits, for crops of `FACE_PX` pixels of given boxes."""
    zoom = FACE_PX / (boxes[:, 2] - boxes[:, 0])
    camera = fit.camera.cropped(boxes[:, :2], zoom)
    return fit.layout.encode(fit.coefficients, camera, FACE_PX)


def mark_photos(
    images: Sequence[UInt8[np.ndarray, "height width 3"]], teacher: FaceMeshTeacher
) -> tuple[Float32[np.ndarray, "photos 468 2"], Float32[np.ndarray, " photos"]]:
    """The teacher's points in pixels of photos that each show one face, and how sure it is of a face."""
    marks, scores = [], []
    for start in track_batches(len(images), 64, "marking photos", "photos"):
        photos = [Image.fromarray(image) for image in images[start : start + 64]]
        crops = [SquareCrop.from_box(np.array((0.0, 0.0, *photo.size)), 1.0) for photo in photos]
        found = teacher.mark(photos, crops)
        marks.append(found.points_px[..., :2])
        scores.append(found.score)
    return np.concatenate(marks), np.concatenate(scores)


def disagreement_percent(
    annotated: Float32[np.ndarray, "photos 21 2"], marks: Float32[np.ndarray, "photos 468 2"]
) -> Float[np.ndarray, " photos"]:
    """Mean distance of the teacher's eye, mouth and chin points from AFLW's, in percent of `FACE_PX`.

    Infinite where fewer than three of them are annotated.
    """
    distance = np.linalg.norm(annotated[:, _AFLW_POINTS] - marks[:, _TEACHER_POINTS], axis=-1)
    seen = np.isfinite(distance)
    total = np.where(seen, distance, 0).sum(axis=1)
    # Fewer than three points in common prove nothing.
    mean = np.where(seen.sum(axis=1) >= 3, total / np.maximum(seen.sum(axis=1), 1), np.inf)
    return 100 * mean / FACE_PX


def _fit(
    model: FaceModel, points: dict[str, np.ndarray], believed: np.ndarray, config: LabelConfig
) -> LandmarkFit:
    """Fit to all sets at once, every set counting alike; without the teacher's where it is not believed."""
    names = sorted(points)
    sets = [model.landmarks(name) for name in names]
    basis = model.subset(concatenate_sets(sets))
    stacked = torch.from_numpy(np.concatenate([points[name] for name in names], axis=1))
    weights = torch.cat([torch.full((len(one),), 1 / len(one)) for one in sets]).repeat(len(stacked), 1)
    column = sum(len(one) for name, one in zip(names, sets, strict=True) if name < TEACHER_SET)
    weights[~torch.from_numpy(believed), column : column + 468] = 0

    layout = CoefficientLayout.of(model)
    output = torch.zeros(len(stacked), layout.size)
    error = torch.full((len(stacked),), torch.inf)
    for rows, fit_config in ((believed, FitConfig()), (~believed, config.sparse_fit)):
        parts = torch.from_numpy(np.flatnonzero(rows)).split(_BATCH)
        for part in track(parts, "fitting the face model to photos", "batches"):
            fit = fit_landmarks(basis, stacked[part], weights[part], FACE_PX, fit_config)
            if rows is not believed:
                seen = torch.where(weights[part][..., None] > 0, stacked[part], torch.nan)
                fit = turn_profiles_further(fit, basis, seen, config.annotated_extra_yaw_deg, FACE_PX)
            output[part], error[part] = fit.output, fit.error_percent
    coefficients, camera = layout.decode_weak(output, FACE_PX)
    return LandmarkFit(coefficients, camera, output, error, layout)


def concatenate_sets(sets: Sequence[LandmarkSet]) -> LandmarkSet:
    """One landmark set after the other, rows padded to the widest."""
    width = max(one.index.shape[1] for one in sets)

    def pad(tensor: Tensor) -> Tensor:
        return torch.nn.functional.pad(tensor, (0, width - tensor.shape[1]))

    return LandmarkSet(
        torch.cat([pad(one.index) for one in sets]), torch.cat([pad(one.weight) for one in sets])
    )
