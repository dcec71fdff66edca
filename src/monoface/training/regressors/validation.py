"""Validation of regressors while they train: the errors by which weights are chosen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from monoface.core.progress import track_batches
from monoface.data.labelling.pseudo_labels import TEACHER_SET
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.data.preparing.prepared import PreparedFolder
from monoface.data.sources import Aflw, Aflw2000, Ytf
from monoface.data.sources.aflw import CROP_SIZE_PX
from monoface.data.sources.registry import held_out_ytf
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.facemodel.landmarks import FLM18
from monoface.geometry.crops import crop_and_resize, photo_to_crop, unclip_square
from monoface.geometry.roi import SIDE_PER_BOX, box_of_points, roi_of_box
from monoface.metrics import binned_mean, box_normaliser, nme
from monoface.networks import Regressor
from monoface.regression import CropPredictor, Passes, regress_crops

_BATCH = 100


@dataclass(frozen=True)
class ValidationSet:
    """Crops with annotated points.

    Attributes:
        name: What is reported.
        landmark_set: Set of the face model that the annotations mean.
        crops: RGB crops.
        points_px: Annotations in crop pixels; NaN where there is none.
        normaliser_px: What errors are divided by.
        yaw_deg: Where errors are reported by yaw.
    """

    name: str
    landmark_set: str
    crops: np.ndarray
    points_px: Float[np.ndarray, "photos points 2"]
    normaliser_px: Float[np.ndarray, " photos"] | float
    yaw_deg: Float[np.ndarray, " photos"] | None = None


def validation_sets(data: Path, crop_px: int, held_out_people: int) -> list[ValidationSet]:
    """The sets that exist under a data folder.

    The validation part of AFLW, people of YTF that the recipe held out, AFLW2000-3D's development part.
    """
    sets = []
    if (data / "aflw").is_dir():
        sets.append(_aflw_set(Aflw(data / "aflw", split="val"), crop_px))
    if (data / "ytf").is_dir():
        ytf = Ytf(data / "ytf")
        rows = np.flatnonzero(held_out_ytf(ytf, held_out_people))
        points = ytf.points68_px[rows].astype(np.float64)
        sets.append(_ytf_set([ytf.image(int(row)) for row in rows], points, crop_px))
    if (data / "aflw2000_dev").is_dir():
        sets += _aflw2000_sets(Aflw2000.open(data / "aflw2000_dev"), crop_px)
    return sets


def prepared_validation_sets(folders: Sequence[Path], crop_px: int) -> list[ValidationSet]:
    """The photos that `monoface data prepare` kept for validation: one set a folder that has some.

    Errors are measured against annotated points where a folder has some, else against the teacher's, which
    says how well networks agree with it and no more.
    """
    sets = []
    for folder in map(PreparedFolder, folders):
        packs = [pack for pack in folder.validation_packs() if len(pack)]
        known = {
            name for pack in packs for name, points in pack.points_px.items() if np.isfinite(points).any()
        }
        if known:
            # Annotated sets first; their order does not matter, for a folder has one.
            landmark_set = min(known, key=lambda name: (name == TEACHER_SET, name))
            sets.append(_prepared_set(folder.name, landmark_set, packs, crop_px))
    return sets


def make_evaluate(
    model: FaceModel, sets: Sequence[ValidationSet], layout: CoefficientLayout | None = None
) -> Callable[[Mapping[str, nn.Module]], dict[str, float]]:
    """Function for the training loop: errors in percent of every set, by name and yaw.

    Networks with a landmark map look once with an empty map, and once more (`second look`) at the same crops
    with the landmarks they found.

    Args:
        model: The face model.
        sets: What is measured on.
        layout: What outputs mean; the model's geometry under weak perspective by default.
    """

    def evaluate(networks: Mapping[str, nn.Module]) -> dict[str, float]:
        regressor = networks["regressor"]
        assert isinstance(regressor, Regressor)
        results: dict[str, float] = {}
        for one in sets:
            results |= _summary(one.name, one, validation_errors(regressor, model, one, layout=layout)[0])
            if regressor.config.landmark_map is not None:
                again = validation_errors(regressor, model, one, looks=2, layout=layout)[0]
                results |= _summary(f"{one.name} second look", one, again)
        return results

    return evaluate


def _summary(name: str, one: ValidationSet, errors: Float[np.ndarray, " photos"]) -> dict[str, float]:
    """Mean error in percent, and by yaw where that is known; what is not finite counts as 100 %."""
    percent = np.where(np.isfinite(errors), 100 * errors, 100.0)
    if one.yaw_deg is None:
        return {name: float(percent.mean())}
    binned = binned_mean(percent, one.yaw_deg)
    by_yaw = zip(("0-30", "30-60", "60-90"), binned.by_bin, strict=True)
    return {name: binned.bin_mean} | {f"{name} {label}": value for label, value in by_yaw}


@torch.no_grad()
def validation_errors(
    regressor: nn.Module,
    model: FaceModel,
    one: ValidationSet,
    looks: int = 1,
    layout: CoefficientLayout | None = None,
) -> tuple[Float[np.ndarray, " photos"], Float[np.ndarray, " photos"]]:
    """Error of each photo as a fraction of its normaliser, and the log error that was predicted.

    Args:
        regressor: A `Regressor` in evaluation mode.
        model: Its face model.
        one: The photos.
        looks: Networks with a landmark map see an empty one at first, then the landmarks they found.
        layout: What outputs mean; the model's geometry under weak perspective by default.
    """
    assert isinstance(regressor, Regressor)
    basis = model.subset(model.landmarks(one.landmark_set))
    predictor = CropPredictor.of_network(regressor, layout or CoefficientLayout.of(model))
    passes = Passes(looks, mapped=model.subset(model.landmarks(FLM18)))
    points, logs = [], []
    for start in track_batches(len(one.crops), _BATCH, f"validating on {one.name}", "photos"):
        found = regress_crops(predictor, one.crops[start : start + _BATCH], passes)
        points.append(found.landmarks_px(basis))
        logs.append(found.log_error)
    return nme(np.concat(points), one.points_px, one.normaliser_px), np.concat(logs)


def _prepared_set(name: str, landmark_set: str, packs: Sequence[Pack], crop_px: int) -> ValidationSet:
    packs = [pack for pack in packs if landmark_set in pack.points_px]
    points = np.concatenate([pack.points_px[landmark_set] for pack in packs]).astype(np.float64)
    known = np.isfinite(points).all(axis=-1).any(axis=-1)
    canvases = np.concatenate([pack.canvases for pack in packs])[known]
    margin = (CANVAS_PX - FACE_PX) / 2
    boxes = np.tile((margin, margin, CANVAS_PX - margin, CANVAS_PX - margin), (len(canvases), 1))
    crops = np.stack([crop_and_resize(one, box, crop_px) for one, box in zip(canvases, boxes, strict=True)])
    in_crop = photo_to_crop(points[known], boxes, crop_px)
    return ValidationSet(name, landmark_set, crops, in_crop, crop_px / SIDE_PER_BOX)


def _aflw_set(photos: Aflw, crop_px: int) -> ValidationSet:
    """The photos are crops already, of another size where `crop_px` is another."""
    images = photos.load_images()
    crops, points = images, photos.points21_px
    if crop_px != CROP_SIZE_PX:
        boxes = np.tile((0.0, 0.0, CROP_SIZE_PX, CROP_SIZE_PX), (len(images), 1))
        crops = np.stack([crop_and_resize(one, box, crop_px) for one, box in zip(images, boxes, strict=True)])
        points = photo_to_crop(points.astype(np.float64), boxes, crop_px)
    return ValidationSet("aflw", "aflw21", crops, points, crop_px / SIDE_PER_BOX)


def _ytf_set(images: Sequence[np.ndarray], points_px: np.ndarray, crop_px: int) -> ValidationSet:
    boxes = roi_of_box(box_of_points(points_px))
    crops = np.stack([crop_and_resize(image, box, crop_px) for image, box in zip(images, boxes, strict=True)])
    normaliser = box_normaliser(points_px) * crop_px / (boxes[:, 2] - boxes[:, 0])
    in_crop = photo_to_crop(points_px, boxes, crop_px)
    in_crop[:, :17] = np.nan
    return ValidationSet("ytf", "ibug68_contour", crops, in_crop, normaliser)


def _aflw2000_sets(photos: Aflw2000, crop_px: int) -> list[ValidationSet]:
    records = list(photos)
    boxes = np.stack(
        [
            unclip_square(record.roi_box.astype(np.float64), record.image.shape[1], record.image.shape[0])
            for record in records
        ]
    )
    crops = np.stack(
        [crop_and_resize(record.image, box, crop_px) for record, box in zip(records, boxes, strict=True)]
    )
    yaw = np.array([record.yaw_deg for record in records])
    zoom = crop_px / (boxes[:, 2] - boxes[:, 0])
    sets = []
    for name, landmark_set, points in (
        ("aflw2000", "ibug68", [record.points68_px for record in records]),
        (
            "aflw2000_reannotated",
            "ibug68_reannotated",
            [record.points68_reannotated_px for record in records],
        ),
    ):
        if any(one is None for one in points):
            continue
        stacked = np.stack([np.asarray(one)[:, :2] for one in points]).astype(np.float64)
        normaliser = box_normaliser(stacked) * zoom
        sets.append(
            ValidationSet(name, landmark_set, crops, photo_to_crop(stacked, boxes, crop_px), normaliser, yaw)
        )
    return sets
