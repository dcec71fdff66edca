"""How good are training labels? Measured where the truth is known: AFLW2000-3D's development photos.

    python benchmarks/labels.py --data DATA [--weights pretrain.safetensors]

Labels each photo as training photos are labelled (first round: the face model fitted to the face-mesh
network's points; second round: a trained network's prediction, corrected by annotated points) and prints
the NME in percent of all 68 re-annotated points, by yaw. What AFLW's annotators would have marked is
imitated by 17 of the 68 points, without those of the hidden side beyond 45 degrees of yaw, with and
without noise. The points that correct are among those that are scored, so the last rows show how well
hidden and unmarked points follow, not what a network that sees no points could reach.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from monoface.core.assets import asset_path
from monoface.data.labelling.pseudo_labels import TEACHER_SET, mark_photos
from monoface.data.labelling.second_round import SecondRound, SecondRoundConfig
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.data.sources import Aflw2000
from monoface.detection.teacher import FaceMeshConfig, FaceMeshTeacher
from monoface.facemodel import CoefficientLayout, FaceModel, load_default_model
from monoface.facemodel.fitting import fit_landmarks, project_points
from monoface.geometry.crops import crop_and_resize, photo_to_crop, unclip_square
from monoface.metrics import YAW_BINS, binned_mean, box_normaliser, nme

SET = "ibug68_reannotated"
# Brow ends and middles, eye corners, nose, mouth corners and middle, chin.
ANNOTATED = (17, 19, 21, 22, 24, 26, 36, 39, 42, 45, 31, 30, 35, 48, 62, 54, 8)
LEFT_IN_PICTURE = (17, 19, 21, 36, 39, 31, 48)
RIGHT_IN_PICTURE = (22, 24, 26, 42, 45, 35, 54)
HIDDEN_FROM_DEG = 45.0
NOISE = 0.025
BELIEVED_SCORE = 0.6


@dataclass(frozen=True)
class Arguments:
    """What is measured.

    Attributes:
        data: Folder that holds `aflw2000_dev`.
        weights: The regressor of the second round; the shipped `pretrain` by default.
    """

    data: Path
    weights: Path | None = None


@dataclass(frozen=True)
class Photos:
    """Development photos as canvases, with the truth in pixels of their face crops."""

    canvases: np.ndarray
    points_px: np.ndarray
    yaw_deg: np.ndarray


def read_photos(data: Path) -> Photos:
    """Canvases around the given `roi_box`es."""
    records = list(Aflw2000.open(data / "aflw2000_dev"))
    boxes = np.stack(
        [unclip_square(one.roi_box.astype(float), one.image.shape[1], one.image.shape[0]) for one in records]
    )
    margin = (boxes[:, 2:] - boxes[:, :2]) * ((CANVAS_PX / FACE_PX - 1) / 2)
    grown = np.concatenate((boxes[:, :2] - margin, boxes[:, 2:] + margin), axis=1)
    points = np.stack([np.asarray(one.points68_reannotated_px)[:, :2] for one in records]).astype(float)
    return Photos(
        np.stack(
            [crop_and_resize(one.image, box, CANVAS_PX) for one, box in zip(records, grown, strict=True)]
        ),
        photo_to_crop(points, boxes, FACE_PX).astype(np.float32),
        np.array([one.yaw_deg for one in records]),
    )


def annotated_points(photos: Photos, noise: float) -> np.ndarray:
    """What annotators of visible points would mark, in pixels of the face crops."""
    marked = np.full_like(photos.points_px, np.nan)
    marked[:, ANNOTATED] = photos.points_px[:, ANNOTATED]
    for row, yaw in enumerate(photos.yaw_deg):
        if abs(yaw) > HIDDEN_FROM_DEG:
            marked[row, LEFT_IN_PICTURE if yaw > 0 else RIGHT_IN_PICTURE] = np.nan
    spread = noise * box_normaliser(photos.points_px)[:, None, None]
    return (marked + spread * np.random.default_rng(0).standard_normal(marked.shape)).astype(np.float32)


def report(name: str, outputs: torch.Tensor, photos: Photos, model: FaceModel, rows: np.ndarray) -> None:
    """Print the error of labels for some of the photos."""
    coefficients, camera = CoefficientLayout.of(model).decode(outputs, FACE_PX)
    found = project_points(model.subset(model.landmarks(SET)), coefficients, camera).numpy()
    errors = 100 * nme(found, photos.points_px, box_normaliser(photos.points_px))
    binned = binned_mean(errors[rows], photos.yaw_deg[rows])
    figures = "".join(f"{value:8.2f}" for value in (*binned.by_bin, binned.bin_mean))
    print(f"{name:46}{rows.sum():7}{figures}")


def main() -> None:
    """Measure all labels."""
    arguments = tyro.cli(Arguments)
    model, photos = load_default_model(), read_photos(arguments.data)
    weights = arguments.weights or asset_path("pretrain.safetensors")
    every = np.ones(len(photos.yaw_deg), dtype=bool)
    print(f"{'labels':46}{'photos':>7}" + "".join(f"{name:>8}" for name in (*YAW_BINS, "mean")))

    marks, score = mark_photos(list(photos.canvases), FaceMeshTeacher(FaceMeshConfig(passes=3)))
    marks = marks - (CANVAS_PX - FACE_PX) / 2
    basis = model.subset(model.landmarks(TEACHER_SET))
    fit = fit_landmarks(basis, torch.from_numpy(marks), torch.full((len(marks), 468), 1 / 468), FACE_PX)
    believed = (score > BELIEVED_SCORE) & (np.abs(photos.yaw_deg) < 48)
    report("first round: fits to the face mesh", fit.output, photos, model, believed)

    second = SecondRound(model, SecondRoundConfig(weights, max_error_percent=np.inf))
    margin = np.float32((CANVAS_PX - FACE_PX) / 2)
    for name, points in (
        ("network", np.full_like(photos.points_px, np.nan)),
        ("network, corrected by exact points", annotated_points(photos, 0.0)),
        (f"network, corrected by points with {NOISE:.1%} noise", annotated_points(photos, NOISE)),
    ):
        blank = np.full((len(every), CoefficientLayout.of(model).size), np.nan, np.float32)
        pack = Pack("dev", photos.canvases, {SET: points + margin}, blank)
        outputs = second.corrected(pack).outputs
        if name == "network":
            report("the same photos: network", outputs, photos, model, believed)
        report(name, outputs, photos, model, every)


if __name__ == "__main__":
    main()
