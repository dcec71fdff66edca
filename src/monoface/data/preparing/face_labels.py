"""From the squares of a shard's faces to its packs, and what became of each face."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monoface.data.labelling.pseudo_labels import (
    TEACHER_SET,
    LabelConfig,
    LabelledPhotos,
    label_marked_photos,
)
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.data.preparing.face_squares import FaceSquare
from monoface.data.preparing.prepare_config import PrepareConfig
from monoface.data.profiling.photo_turner import turned_pack
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix

KEPT, KEPT_POSED, KEPT_ANNOTATED = "kept", "kept_fitted_to_annotation", "kept_annotation_only"
"""The teacher and the fit are believed; only the fit to annotated points is; only these points are."""

_MARGIN = FACE_PX * (1 - FACE_PX / CANVAS_PX) / 2
# With all 68 points of the mesh known, any yaw can be fitted, and none comes out too small.
_ALL_YAWS = (0.0, 180.0)


@dataclass(frozen=True)
class LabelledFaces:
    """Packs of the faces that are kept, and of turned views of the best; and the outcome of every face."""

    photos: Pack
    turned: Pack
    outcomes: list[str]


def label_faces(
    squares: Sequence[FaceSquare], model: FaceModel, config: PrepareConfig, *, views: int, seed: int
) -> LabelledFaces:
    """Fit the face model to all faces, and keep what is believed.

    Args:
        squares: The faces.
        model: The face model.
        config: What is kept.
        views: Turned views of each face that is good enough.
        seed: Of the turned views.
    """
    empty = _empty_pack("photos", model), _empty_pack("photos_turned", model)
    if not squares:
        return LabelledFaces(*empty, [])
    labelled, seen = _labelled(squares, model, config.labels)
    outcomes = _outcomes(labelled, squares, seen, config)
    chosen = np.flatnonzero([one.startswith(KEPT) for one in outcomes])
    good = np.array([one == KEPT for one in outcomes])
    posed = np.array([one == KEPT_POSED for one in outcomes])
    labelled = dataclasses.replace(labelled, good=good, posed=posed)
    whole = labelled.pack(model)
    photos = whole.chosen("photos", chosen)
    if not views:
        return LabelledFaces(photos, empty[1], outcomes)
    turn = dataclasses.replace(config.turn, views=views)
    return LabelledFaces(photos, turned_pack(labelled, model, turn, seed), outcomes)


def _labelled(
    squares: Sequence[FaceSquare], model: FaceModel, labels: LabelConfig
) -> tuple[LabelledPhotos, np.ndarray]:
    """The fits, and how many annotated points each face has."""
    names = sorted({name for square in squares for name in square.points_px})
    points = {name: _stacked(squares, name, len(model.landmarks(name))) for name in names}
    seen = sum(
        (np.isfinite(one).all(axis=-1).sum(axis=-1) for one in points.values()), np.zeros(len(squares))
    )
    if "ibug68" in points:
        labels = dataclasses.replace(labels, annotated_yaw_deg=_ALL_YAWS, annotated_extra_yaw_deg=0.0)
    # The teacher is no help where a face is known to look far aside, however sure it is.
    aside = np.array([abs(square.yaw_deg or 0.0) > labels.max_yaw_deg for square in squares])
    score = np.where(aside, 0.0, [square.score for square in squares]).astype(np.float32)
    points[TEACHER_SET] = np.stack([square.marks_px for square in squares])
    images = [square.image for square in squares]
    labelled = label_marked_photos("photos", images, points, score, model, labels)
    middle = (_MARGIN, _MARGIN, FACE_PX - _MARGIN, FACE_PX - _MARGIN)
    return dataclasses.replace(labelled, usual_box=middle), seen


def _stacked(squares: Sequence[FaceSquare], name: str, count: int) -> np.ndarray:
    missing = np.full((count, 2), np.nan, np.float32)
    return np.stack([square.points_px.get(name, missing) for square in squares])


def _outcomes(
    labelled: LabelledPhotos, squares: Sequence[FaceSquare], seen: np.ndarray, config: PrepareConfig
) -> list[str]:
    """What becomes of each face; `seen` counts its annotated points."""
    yaw = head_angles_from_matrix(camera_to_head(labelled.fit.coefficients.rotation))[0]
    yaw_deg = np.rad2deg(yaw.numpy())
    error = labelled.fit.error_percent.numpy()
    outcomes = []
    for row, square in enumerate(squares):
        fitted = labelled.good[row] or labelled.posed[row]
        if (
            fitted
            and square.yaw_deg is not None
            and _turn(float(yaw_deg[row]), square.yaw_deg) > config.max_yaw_error_deg
        ):
            outcomes.append("pose_disagrees")
        elif labelled.good[row]:
            outcomes.append(KEPT)
        elif labelled.posed[row]:
            outcomes.append(KEPT_POSED)
        elif seen[row] >= config.min_points:
            outcomes.append(KEPT_ANNOTATED)
        elif square.score < config.labels.min_score:
            outcomes.append("low_score")
        elif error[row] > config.labels.max_error_percent:
            outcomes.append("bad_fit")
        else:
            outcomes.append("looks_aside")
    return outcomes


def _turn(first_deg: float, second_deg: float) -> float:
    """Angle between two directions, in degrees."""
    return abs((first_deg - second_deg + 180) % 360 - 180)


def _empty_pack(name: str, model: FaceModel) -> Pack:
    outputs = np.zeros((0, CoefficientLayout.of(model).size), np.float32)
    return Pack(name, np.zeros((0, CANVAS_PX, CANVAS_PX, 3), np.uint8), {}, outputs)
