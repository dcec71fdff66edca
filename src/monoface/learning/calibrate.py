"""`monoface facemodel calibrate`: the landmark sets of the default face model, from photos.

First the dense points of the teacher: fits to the few of its points that everybody knows bring the
model close enough to find where all the others lie, twice more with all of them. Then, on photos that
are fitted to the teacher or to a trained regressor, the points that other annotators mean.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from monoface.core.errors import ConfigError
from monoface.data.packs import FACE_PX
from monoface.data.pseudo_labels import TEACHER_SET, disagreement_percent, mark_photos
from monoface.data.sources import Aflw, Aflw2000, Ytf
from monoface.detection.teacher import FaceMeshConfig, FaceMeshTeacher
from monoface.facemodel import (
    CoefficientLayout,
    FaceCoefficients,
    FaceModel,
    FaceModelData,
    LandmarkSet,
    PointBasis,
)
from monoface.facemodel.fitting import FitConfig, fit_landmarks
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.geometry.crops import crop_and_resize, photo_to_crop, unclip_square
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix
from monoface.learning.landmark_sets import calibrate_landmarks
from monoface.networks import load_regressor

# Points of the teacher's mesh nearest to the 51 inner iBUG points, by common knowledge of its topology.
_INNER_OF_TEACHER = (
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305, 33, 160, 158, 133,
    153, 144, 362, 385, 387, 263, 373, 380, 61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82,
    13, 312, 308, 317, 14, 87,
)  # fmt: skip


@dataclass(frozen=True)
class CalibrateConfig:
    """Find the model's landmark sets on photos.

    Attributes:
        data: Folder with `aflw`, `aflw2000_dev` and `ytf`.
        weights: Regressor whose predictions say where the faces are; without, the teacher's marks do,
            which reaches less far into profile.
        photos: At most so many of each source.
        rounds: Alternations of fitting and finding for the teacher's own points.
        max_yaw_deg: Photos beyond are not used where the teacher's marks say where faces are.
        max_error_percent: Neither are those with a worse fit.
    """

    data: Path
    weights: Path | None = None
    photos: int = 2000
    rounds: int = 3
    max_yaw_deg: float = 50.0
    max_error_percent: float = 2.0

    def __post_init__(self) -> None:
        if self.photos < 10 or self.rounds < 1:
            raise ConfigError(
                f"calibration: expected 10 photos and a round or more, got {self.photos}, {self.rounds}."
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
        data: Has `ibug68_source`, the set to begin with.
        config: On which photos, and how.
        report: Gets a line for each set with the distance that remains.
    """
    teacher = FaceMeshTeacher(FaceMeshConfig(passes=3))
    aflw = _aflw_photos(config)
    marks, score = mark_photos(aflw.crops, teacher)
    teacher_px = torch.from_numpy(marks)
    believed = (score > 0.6) & (disagreement_percent(aflw.points_px["aflw21"].numpy(), marks) < 5)
    model = FaceModel(data)
    dense = _find_teacher_points(model, teacher_px[torch.from_numpy(believed)], config, report)
    sets = dict(data.landmarks) | {TEACHER_SET: dense}
    model = FaceModel(dataclasses.replace(data, landmarks=sets))

    sources = (aflw, _aflw2000_photos(config), _ytf_photos(config))
    for photos in sources:
        if config.weights is not None:
            located = _locate_by_regressor(model, photos, config.weights)
        else:
            located = _locate_by_teacher(model, photos, teacher, config)
        for name, points in photos.points_px.items():
            found = calibrate_landmarks(
                model, located.coefficients, located.camera, points[located.rows], data.regions["face"]
            )
            sets[name] = found.points
            report(f"{name}: {float(found.error_percent.mean()):.2f} % remain, on {len(located.rows)} photos")
    return dataclasses.replace(data, landmarks=sets)


def _find_teacher_points(
    model: FaceModel, marks_px: Tensor, config: CalibrateConfig, report: Callable[[str], None]
) -> LandmarkSet:
    source = model.landmarks("ibug68_source")
    points = LandmarkSet(source.index[17:], source.weight[17:])
    target = marks_px[:, _INNER_OF_TEACHER]
    weights = torch.ones(51)
    narrow = model.data.regions["narrow_face"]
    for _ in range(config.rounds):
        fit = fit_landmarks(model.subset(points), target, weights.expand(len(target), -1), FACE_PX)
        best = fit.error_percent.argsort()[: max(10, len(target) // 3)]
        camera = _camera_rows(fit.camera, best)
        found = calibrate_landmarks(model, fit.coefficients[best], camera, marks_px[best], narrow)
        points, target, weights = found.points, marks_px, 1 / (found.error_percent + 0.5)
        report(f"{TEACHER_SET}: {float(found.error_percent.mean()):.2f} % remain, on {len(best)} photos")
    return points


def _locate_by_teacher(
    model: FaceModel, photos: _Annotated, teacher: FaceMeshTeacher, config: CalibrateConfig
) -> _Located:
    marks, score = mark_photos(photos.crops, teacher)
    basis: PointBasis = model.subset(model.landmarks(TEACHER_SET))
    target = torch.from_numpy(marks)
    fit = fit_landmarks(basis, target, torch.ones(target.shape[:2]), FACE_PX, FitConfig(steps=80))
    yaw, _, _ = head_angles_from_matrix(camera_to_head(fit.coefficients.rotation))
    good = (fit.error_percent < config.max_error_percent) & (torch.from_numpy(score) > 0.6)
    good &= yaw.abs() < np.deg2rad(config.max_yaw_deg)
    rows = good.nonzero()[:, 0]
    return _Located(rows, fit.coefficients[rows], _camera_rows(fit.camera, rows))


@torch.no_grad()
def _locate_by_regressor(model: FaceModel, photos: _Annotated, weights: Path) -> _Located:
    regressor, _ = load_regressor(weights)
    outputs = []
    for start in range(0, len(photos.crops), 100):
        batch = (
            torch.from_numpy(np.stack(photos.crops[start : start + 100])).permute(0, 3, 1, 2).float() / 255
        )
        outputs.append(regressor(batch)[0])
    coefficients, camera = CoefficientLayout.of(model).decode(torch.cat(outputs), FACE_PX)
    return _Located(torch.arange(len(photos.crops)), coefficients, camera)


def _camera_rows(camera: WeakPerspectiveCamera, rows: Tensor) -> WeakPerspectiveCamera:
    return WeakPerspectiveCamera(camera.scale_px_per_mm[rows], camera.principal_px[rows])


def _aflw_photos(config: CalibrateConfig) -> _Annotated:
    aflw = Aflw(config.data / "aflw", split="train")
    rows = np.random.default_rng(0).permutation(len(aflw))[: 2 * config.photos]
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
    return _Annotated(crops, {name: torch.from_numpy(stack).float() for name, stack in points_px.items()})


def _ytf_photos(config: CalibrateConfig) -> _Annotated:
    ytf = Ytf(config.data / "ytf")
    crops, points = [], []
    for row in np.random.default_rng(1).permutation(len(ytf))[: config.photos]:
        marked = ytf.points68_px[row].astype(np.float64)
        low, high = marked.min(axis=0), marked.max(axis=0)
        centre, half = (low + high) / 2, (high - low).max() / 2**0.5
        box = np.concatenate((centre - half, centre + half))
        crops.append(crop_and_resize(ytf.image(int(row)), box, FACE_PX))
        points.append(photo_to_crop(marked, box, FACE_PX))
    return _Annotated(crops, {"ibug68_contour": torch.from_numpy(np.stack(points)).float()})
