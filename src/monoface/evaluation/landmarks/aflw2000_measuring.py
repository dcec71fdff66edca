"""From photos of AFLW2000-3D and a predictor to the error of each photo."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from monoface.data.sources import Aflw2000, Aflw2000Photo
from monoface.evaluation.landmarks.aflw2000_errors import Aflw2000Errors
from monoface.evaluation.landmarks.boxes import FindBox, given_box
from monoface.evaluation.landmarks.predictors import LandmarkPredictor, Landmarks68
from monoface.metrics import box_normaliser, nme, nme_3d


def evaluate_aflw2000(
    predict: LandmarkPredictor, source: Aflw2000, *, find_box: FindBox = given_box, batch_size: int = 64
) -> Aflw2000Errors:
    """Error of a predictor on each photo; see `predict_photos` and `measure`."""
    return measure(source, predict_photos(predict, source, find_box=find_box, batch_size=batch_size))


def predict_photos(
    predict: LandmarkPredictor, source: Aflw2000, *, find_box: FindBox = given_box, batch_size: int = 64
) -> Landmarks68:
    """Landmarks in all photos of a source.

    Args:
        predict: Gets photos and squares in batches. A point that is not finite makes the photo a failure.
        source: The photos; never all of them are in memory.
        find_box: Square of each photo. A photo without one is a failure.
        batch_size: Photos decoded and predicted together.
    """
    count = len(source)
    original_px, reannotated_px = np.full((2, count, 68, 2), np.nan)
    depth_px, yaw_deg = np.full((count, 68), np.nan), np.full(count, np.nan)
    for start in range(0, count, batch_size):
        photos = [source[index] for index in range(start, min(start + batch_size, count))]
        found, boxes = _found_boxes(photos, find_box)
        if not found:
            continue
        landmarks = predict([photos[index].image for index in found], boxes)
        rows = start + np.array(found)
        original_px[rows] = landmarks.original_px
        reannotated_px[rows] = landmarks.reannotated_px
        if landmarks.yaw_deg is not None:
            yaw_deg[rows] = landmarks.yaw_deg
        if landmarks.depth_px is not None:
            depth_px[rows] = landmarks.depth_px
    has_depth = bool(np.isfinite(depth_px).any())
    return Landmarks68(original_px, reannotated_px, yaw_deg, depth_px if has_depth else None)


def measure(
    source: Aflw2000,
    predicted: Landmarks68,
    *,
    counted: Bool[np.ndarray, " photos"] | None = None,
    second_yaw_deg: Float[np.ndarray, " photos"] | None = None,
) -> Aflw2000Errors:
    """Errors of predicted landmarks, one row for each photo of a source.

    Args:
        source: The photos and their annotations.
        predicted: Rows in the order of the photos; NaN where there is no prediction.
        counted: Which photos belong to the benchmark; all by default.
        second_yaw_deg: Yaw of a second split into bins.
    """
    rows = slice(None) if counted is None else counted
    true_px, true_reannotated_px = source.points68_px[rows], source.points68_reannotated_px
    normaliser_px = box_normaliser(true_px)
    original_px = predicted.original_px[rows]
    reannotated = None
    if true_reannotated_px is not None:
        true_reannotated_px = true_reannotated_px[rows]
        reannotated = nme(
            predicted.reannotated_px[rows], true_reannotated_px, box_normaliser(true_reannotated_px)
        )
    original_3d = None
    if predicted.depth_px is not None:
        in_space = np.concatenate((original_px, predicted.depth_px[rows][..., None]), axis=-1)
        original_3d = nme_3d(in_space, true_px, normaliser_px)
    yaw_deg = predicted.yaw_deg
    return Aflw2000Errors(
        keys=tuple(np.array(source.keys)[rows].tolist()),
        true_yaw_deg=source.yaw_deg[rows],
        original=nme(original_px, true_px[..., :2], normaliser_px),
        reannotated=reannotated,
        yaw_deg=np.full(len(true_px), np.nan) if yaw_deg is None else yaw_deg[rows],
        original_3d=original_3d,
        second_yaw_deg=None if second_yaw_deg is None else second_yaw_deg[rows],
        points_px=original_px,
    )


def _found_boxes(
    photos: Sequence[Aflw2000Photo], find_box: FindBox
) -> tuple[list[int], Float[np.ndarray, "found 4"]]:
    """Positions of the photos in which a face was found, and their squares."""
    squares = [find_box(photo) for photo in photos]
    found = [position for position, square in enumerate(squares) if square is not None]
    boxes = [square for square in squares if square is not None]
    return found, np.array(boxes, dtype=np.float64).reshape(-1, 4)
