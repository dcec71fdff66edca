"""`monoface facemodel calibrate`: the landmark sets of the default face model, from photos.

A set is found by turns: fit the model to the annotations with the points as they are, then move each
point to where the fits say it lies. It matters that this happens on faces of all poses and with points
on both sides of the head: a set found on near-frontal photos has wrong depths, and later fits to the
visible half of a profile then turn the head 7 to 11 degrees too little.

`ibug68` and `ibug68_reannotated` come first, from AFLW2000-3D, whose points are known on the hidden side
too. `aflw21` starts from means of them, the teacher's 468 from its points nearest to them.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from monoface.core.errors import ConfigError, DataError
from monoface.data.labelling.pseudo_labels import TEACHER_SET, disagreement_percent, mark_photos
from monoface.data.packs.photo_pack import FACE_PX
from monoface.data.sources import Aflw, Aflw2000, Ytf
from monoface.detection.teacher import FaceMeshConfig, FaceMeshTeacher
from monoface.facemodel import (
    CoefficientLayout,
    FaceCoefficients,
    FaceModel,
    FaceModelData,
    LandmarkSet,
)
from monoface.facemodel.fitting import FitConfig, fit_landmarks
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.geometry.crops import crop_and_resize, photo_to_crop, unclip_square
from monoface.geometry.roi import box_of_points, roi_of_box
from monoface.modelling.landmarks.landmark_sets import CalibratedLandmarks, calibrate_landmarks
from monoface.networks import load_regressor

# Points of the teacher's mesh nearest to the 51 inner iBUG points, by common knowledge of its topology.
_INNER_OF_TEACHER = (
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305, 33, 160, 158, 133,
    153, 144, 362, 385, 387, 263, 373, 380, 61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82,
    13, 312, 308, 317, 14, 87,
)  # fmt: skip
# AFLW's 21 points as means of the 68; the ears begin at the upper jaw line.
_AFLW_GROUPS = (
    (17,), (19,), (21,), (22,), (24,), (26,), (36,), (37, 38, 40, 41), (39,), (42,), (43, 44, 46, 47), (45,),
    (2,), (31,), (30,), (35,), (14,), (48,), (62, 66), (54,), (8,),
)  # fmt: skip
_PRIORS = FitConfig(identity_weight=0.02, expression_weight=0.05)


@dataclass(frozen=True)
class CalibrateConfig:
    """Find the model's landmark sets on photos.

    Attributes:
        data: Folder with `aflw`, `aflw2000_dev` and `ytf`.
        weights: A trained regressor. With it only `ibug68` and `ibug68_reannotated` are found anew, where
            its predictions on AFLW2000-3D put them; the sets it was trained with stay as they are.
        photos: At most so many of each source.
        rounds: Turns of fitting and moving.
        max_error_percent: Photos with a worse fit are not used.
    """

    data: Path
    weights: Path | None = None
    photos: int = 2000
    rounds: int = 4
    max_error_percent: float = 3.0

    def __post_init__(self) -> None:
        if self.photos < 10 or self.rounds < 1:
            raise ConfigError(
                f"calibration: expected 10 photos and a round or more, got {self.photos} and {self.rounds}."
            )


@dataclass(frozen=True)
class _Located:
    """Faces whose place in `FACE_PX` pictures is known, and which rows of the source they are."""

    rows: Tensor
    coefficients: FaceCoefficients
    camera: WeakPerspectiveCamera


@dataclass(frozen=True)
class _Annotated:
    """Crops of `FACE_PX` with annotations, by the set that they teach."""

    crops: Sequence[np.ndarray]
    points_px: dict[str, Float[Tensor, "photos points 2"]]


def calibrate_default_sets(
    data: FaceModelData, config: CalibrateConfig, report: Callable[[str], None]
) -> FaceModelData:
    """The face model with its landmark sets found anew.

    Args:
        data: Has `ibug68`, or else `ibug68_source`: the set to begin with.
        config: On which photos, and how.
        report: Gets a line for each set with the distance that remains, in percent of the face's size.

    Raises:
        ConfigError: If the model has no set to begin with, or the weights belong to another one.
        DataError: If a source is missing, or none of its photos can be fitted.
    """
    model, sets = FaceModel(data), dict(data.landmarks)
    start = sets.get("ibug68", sets.get("ibug68_source"))
    if start is None:
        raise ConfigError(
            "face model: expected the landmark set ibug68 or ibug68_source to begin with, "
            f"got {sorted(sets)}. Make one with monoface facemodel learn."
        )
    aflw2000 = _aflw2000_photos(config)
    if config.weights is not None:
        located = _locate_by_regressor(model, aflw2000, config.weights)
        for name, points_px in aflw2000.points_px.items():
            found = _find(model, located, points_px, "skin")
            sets[name] = found.points
            report(f"{name}: {float(found.error_percent.mean()):.2f} % remain, on {len(located.rows)} photos")
        return dataclasses.replace(data, landmarks=sets)

    aflw = _aflw_photos(config)
    for name, points_px in aflw2000.points_px.items():
        sets[name] = start = _alternate(model, start, points_px, config, report, name)
    people = start
    start = people.grouped(_AFLW_GROUPS)
    sets["aflw21"] = _alternate(model, start, aflw.points_px["aflw21"], config, report, "aflw21")

    teacher = FaceMeshTeacher(FaceMeshConfig(passes=3))
    sets[TEACHER_SET] = _calibrate_teacher(model, people, aflw, teacher, config, report)
    ytf = _ytf_photos(config)
    marks, _ = mark_photos(ytf.crops, teacher)
    located = _fit(model, sets[TEACHER_SET], torch.from_numpy(marks), config)
    sets["ibug68_contour"] = _find(model, located, ytf.points_px["ibug68_contour"], "face").points
    return dataclasses.replace(data, landmarks=sets)


def _calibrate_teacher(
    model: FaceModel,
    people: LandmarkSet,
    aflw: _Annotated,
    teacher: FaceMeshTeacher,
    config: CalibrateConfig,
    report: Callable[[str], None],
) -> LandmarkSet:
    """The teacher's points, from its own marks on photos where it agrees with the annotation."""
    marks, score = mark_photos(aflw.crops, teacher)
    disagreement = disagreement_percent(aflw.points_px["aflw21"].numpy(), marks)
    marks_px = torch.from_numpy(marks)[torch.from_numpy((score > 0.6) & (disagreement < 5))]
    inner = LandmarkSet(people.index[17:], people.weight[17:])
    located = _fit(model, inner, marks_px[:, _INNER_OF_TEACHER], config)
    found = _find(model, located, marks_px, "narrow_face")
    return _alternate(model, found.points, marks_px, config, report, TEACHER_SET)


def _alternate(
    model: FaceModel,
    points: LandmarkSet,
    points_px: Tensor,
    config: CalibrateConfig,
    report: Callable[[str], None],
    name: str,
) -> LandmarkSet:
    """Fit to the points and move the points, by turns."""
    region = "narrow_face" if name == TEACHER_SET else "skin"
    for _ in range(config.rounds):
        located = _fit(model, points, points_px, config)
        found = _find(model, located, points_px, region)
        points = found.points
        report(f"{name}: {float(found.error_percent.mean()):.2f} % remain, on {len(located.rows)} photos")
    return points


def _fit(model: FaceModel, points: LandmarkSet, points_px: Tensor, config: CalibrateConfig) -> _Located:
    fit = fit_landmarks(model.subset(points), points_px, torch.ones(points_px.shape[:2]), FACE_PX, _PRIORS)
    rows = (fit.error_percent <= config.max_error_percent).nonzero()[:, 0]
    if not len(rows):
        raise DataError(
            f"calibration: expected photos that fit within {config.max_error_percent:g} %, found none of "
            f"{len(points_px)}. Give more photos, or a larger max_error_percent."
        )
    camera = WeakPerspectiveCamera(fit.camera.scale_px_per_mm[rows], fit.camera.principal_px[rows])
    return _Located(rows, fit.coefficients[rows], camera)


def _find(model: FaceModel, located: _Located, points_px: Tensor, region: str) -> CalibratedLandmarks:
    candidates = model.data.regions[region]
    return calibrate_landmarks(
        model, located.coefficients, located.camera, points_px[located.rows], candidates
    )


@torch.no_grad()
def _locate_by_regressor(model: FaceModel, photos: _Annotated, weights: Path) -> _Located:
    regressor, info = load_regressor(weights)
    if info.coefficient_space != model.coefficient_space:
        raise ConfigError(
            f"weights {weights.name}: expected coefficients of the space {model.coefficient_space}, got "
            f"{info.coefficient_space}. Use weights that were trained with this face model."
        )
    outputs = []
    for start in range(0, len(photos.crops), 100):
        batch = (
            torch.from_numpy(np.stack(photos.crops[start : start + 100])).permute(0, 3, 1, 2).float() / 255
        )
        outputs.append(regressor.look(batch)[0])
    coefficients, camera = CoefficientLayout.of(model).decode_weak(torch.cat(outputs), FACE_PX)
    return _Located(torch.arange(len(photos.crops)), coefficients, camera)


def _aflw_photos(config: CalibrateConfig) -> _Annotated:
    aflw = Aflw(config.data / "aflw", split="train")
    enough = np.flatnonzero(aflw.visible.sum(axis=1) >= 9)
    rows = np.random.default_rng(0).permutation(enough)[: 2 * config.photos]
    points = torch.from_numpy(aflw.points21_px[rows])
    return _Annotated([aflw.image(int(row)) for row in rows], {"aflw21": points})


def _aflw2000_photos(config: CalibrateConfig) -> _Annotated:
    crops, original, again = [], [], []
    for photo in list(Aflw2000.open(config.data / "aflw2000_dev"))[: config.photos]:
        height, width = photo.image.shape[:2]
        box = unclip_square(photo.roi_box.astype(np.float64), width, height)
        crops.append(crop_and_resize(photo.image, box, FACE_PX))
        original.append(photo_to_crop(photo.points68_px[:, :2], box, FACE_PX))
        points = photo.points68_reannotated_px
        again.append(np.full((68, 2), np.nan) if points is None else photo_to_crop(points, box, FACE_PX))
    points_px = {"ibug68": np.stack(original), "ibug68_reannotated": np.stack(again)}
    annotated = {name: stack for name, stack in points_px.items() if np.isfinite(stack).any()}
    return _Annotated(crops, {name: torch.from_numpy(stack).float() for name, stack in annotated.items()})


def _ytf_photos(config: CalibrateConfig) -> _Annotated:
    ytf = Ytf(config.data / "ytf")
    crops, points = [], []
    for row in np.random.default_rng(1).permutation(len(ytf))[: config.photos]:
        marked = ytf.points68_px[row].astype(np.float64)
        box = roi_of_box(box_of_points(marked))
        crops.append(crop_and_resize(ytf.image(int(row)), box, FACE_PX))
        points.append(photo_to_crop(marked, box, FACE_PX))
    return _Annotated(crops, {"ibug68_contour": torch.from_numpy(np.stack(points)).float()})
