"""Faces as `monoface reconstruct` makes them: the one place where benchmarks run the whole pipeline.

A face is found by our detector, or stands in a square that a benchmark gives. In the latter case a stand-in
tells the `Reconstructor` of a detection there, and everything after detection is its own.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
from jaxtyping import Float, Float64, UInt8

from monoface.core.arrays import in_torch
from monoface.core.progress import Progress, announce
from monoface.detection import Detection
from monoface.evaluation.config import FacesConfig
from monoface.evaluation.landmarks.predictors import (
    LANDMARK_SET,
    LANDMARK_SET_REANNOTATED,
    Landmarks68,
    depth_px,
    looks_text,
)
from monoface.facemodel import FaceModel
from monoface.geometry.roi import SIDE_PER_BOX, enlarge_box
from monoface.photos.loaded import LoadedImage
from monoface.pipeline import (
    Face,
    ImageSource,
    MadeWith,
    PhotoResult,
    Reconstructor,
    ReconstructorConfig,
    Regression,
)
from monoface.pipeline.detecting import DetectsFaces
from monoface.pipeline.refining.landmark_file import LandmarkHabits, landmark_points

AS_RECONSTRUCT: Final = "as `monoface reconstruct` makes them"
"""How faces are made, in a report."""

# Where a detector's points lie in its box: eyes, tip of the nose, mouth, ears.
_KEYPOINTS = np.array([(0.3, 0.25), (0.7, 0.25), (0.5, 0.5), (0.5, 0.75), (0.02, 0.3), (0.98, 0.3)])


class ReconstructedFaces:
    """Our weights as a predictor of faces, through the whole `Reconstructor`.

    Args:
        weights: Name of shipped weights, or path of a safetensors file.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default.
        device: Where the regressor runs.
        as_reconstruct: With the defaults of `monoface reconstruct`. Otherwise the regressor alone: one look,
            without the mirror image.

    Raises:
        ConfigError: If there are no such weights, or no such device.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, or belong to another face model.
    """

    def __init__(
        self,
        weights: str,
        face_model: Path | None = None,
        device: Literal["cpu", "cuda"] = "cpu",
        *,
        as_reconstruct: bool = True,
    ) -> None:
        config = ReconstructorConfig(weights=weights, face_model=face_model, device=device, max_faces=1)
        if not as_reconstruct:
            config = replace(config, passes=1, mirror=False, refine="none")
        self._tools = Reconstructor(config)
        self._count = 0
        self._stand_in = _StandIn(self._tools.detector)
        self._tools.detector = self._stand_in
        self.model = FaceModel(in_torch(self._tools.face_model.data))
        self.landmark_habits: LandmarkHabits = self._tools.landmark_habits
        self.made_with: MadeWith = self._tools.made_with
        self.detector: DetectsFaces = self._stand_in.detector
        looks = looks_text(config.passes, mirror=config.mirror)
        self.looks: str = AS_RECONSTRUCT if as_reconstruct else f"the regressor alone, {looks}"

    @classmethod
    def of(cls, config: FacesConfig) -> Self:
        """The weights that a benchmark is told to measure."""
        return cls(config.weights, config.face_model, config.device, as_reconstruct=config.as_reconstruct)

    def largest(self, photo: ImageSource) -> Face | str:
        """The largest face of a photo that our detector finds, or why there is none."""
        return self._told(self._tools.reconstruct(photo))

    def in_square(
        self, image: UInt8[np.ndarray, "height width 3"], square: Float[np.ndarray, " 4"]
    ) -> Face | str:
        """The face in a given square of a photo, or why there is none.

        Args:
            image: RGB.
            square: Left, top, right, bottom edge in pixels of the photo, as regressors are trained on:
                sqrt(2) times the longer side of the box of the 68 points, round its centre. It may reach
                beyond the photo.
        """
        with self._stand_in.showing(image.shape[1], square):
            return self._told(self._tools.reconstruct(image))

    def _told(self, result: PhotoResult) -> Face | str:
        """The face of a result, or why there is none; announces how many there were."""
        self._count += 1
        announce(Progress("reconstructing faces", self._count, None, "photos"))
        return result.all_faces[0] if result.all_faces else result.reason


def regression_of(face: Face) -> Regression:
    """A face as what a regressor says; the expected error is not known."""
    confidence = np.array([face.confidence], np.float32)
    unknown = np.full_like(confidence, np.nan)
    return Regression(face.posed.coefficients, face.posed.camera, unknown, confidence)


class ReconstructedLandmarks:
    """The 68 points of faces in given squares, through the whole pipeline: a `LandmarkPredictor`.

    Raises:
        ModelFileError: If the face model lacks a landmark set of one of the annotations.
    """

    def __init__(self, faces: ReconstructedFaces) -> None:
        self._faces = faces
        model = faces.model
        self._original = landmark_points(model, LANDMARK_SET, faces.landmark_habits)
        self._reannotated = landmark_points(model, LANDMARK_SET_REANNOTATED, faces.landmark_habits)

    def __call__(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]], boxes: Float[np.ndarray, "batch 4"]
    ) -> Landmarks68:
        """Landmarks in pixels of the photos; see `LandmarkPredictor`."""
        count = len(images)
        original_px, reannotated_px = np.full((2, count, 68, 2), np.nan)
        depths_px, yaw_deg = np.full((count, 68), np.nan), np.full(count, np.nan)
        for row, (image, box) in enumerate(zip(images, boxes, strict=True)):
            face = self._faces.in_square(image, box)
            if isinstance(face, str):
                continue
            found = regression_of(face)
            original_px[row] = found.landmarks_px(self._original)[0]
            reannotated_px[row] = found.landmarks_px(self._reannotated)[0]
            depths_px[row] = depth_px(found, self._original)[0]
            yaw_deg[row] = face.yaw_deg
        return Landmarks68(original_px, reannotated_px, yaw_deg, depths_px)


def points_in_crops(
    faces: ReconstructedFaces, set_name: str
) -> Callable[[UInt8[np.ndarray, "batch side side 3"]], Float64[np.ndarray, "batch points 2"]]:
    """A predictor of the points of a landmark set in square crops, in pixels of the crops.

    Raises:
        ModelFileError: If the face model has no such set.
    """
    points = landmark_points(faces.model, set_name, faces.landmark_habits)

    def predict(crops: UInt8[np.ndarray, "batch side side 3"]) -> Float64[np.ndarray, "batch points 2"]:
        side = float(crops.shape[1])
        found_px = np.full((len(crops), len(points.mean_mm), 2), np.nan)
        for row, crop in enumerate(crops):
            face = faces.in_square(crop, np.array([0.0, 0.0, side, side]))
            if isinstance(face, Face):
                found_px[row] = regression_of(face).landmarks_px(points)[0]
        return found_px

    return predict


class _StandIn:
    """A detector that can be told what it sees."""

    def __init__(self, detector: DetectsFaces) -> None:
        self.detector = detector
        self._told: tuple[int, Float[np.ndarray, " 4"]] | None = None

    @contextmanager
    def showing(self, width: int, square: Float[np.ndarray, " 4"]) -> Iterator[None]:
        """While it lasts, the only face is in a square of the photo, which has that width."""
        self._told = (width, square)
        try:
            yield
        finally:
            self._told = None

    def detect_photos(self, photos: Sequence[LoadedImage]) -> Sequence[Sequence[Detection]]:
        """The face that was told of, or what the detector sees."""
        if self._told is None:
            return self.detector.detect_photos(photos)
        width, square = self._told
        # The pipeline works on smaller copies of large photos.
        return [[_detection(square * photo.size_px[0] / width)] for photo in photos]


def _detection(square: Float[np.ndarray, " 4"]) -> Detection:
    """A certain detection whose square for regressors is the given one."""
    box = enlarge_box(square.astype(np.float64), 1 / SIDE_PER_BOX)
    keypoints_px = box[:2] + _KEYPOINTS * (box[2:] - box[:2])
    return Detection(box, 1.0, keypoints_px, box)
