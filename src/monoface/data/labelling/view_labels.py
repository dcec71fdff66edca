"""What a trained network and the face-mesh network say about photos of faces from several sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from torch import Tensor

from monoface.core.assets import asset_path
from monoface.core.errors import ConfigError
from monoface.data.labelling.pseudo_labels import TEACHER_SET, mark_photos
from monoface.data.labelling.second_round import SecondRound, SecondRoundConfig
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack, canvas_box
from monoface.detection.teacher import FaceMeshConfig, FaceMeshTeacher
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.facemodel.fitting import project_points
from monoface.geometry.crops import crop_and_resize, photo_to_crop
from monoface.geometry.roi import roi_from_points
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix

# Where the source's own weights are not named.
_SHIPPED = "pretrain.safetensors"


@dataclass(frozen=True)
class ViewLabelConfig:
    """How photos are labelled, and when labels are believed.

    Attributes:
        weights: Regressor that predicts the coefficients; the shipped `pretrain` by default.
        passes: Times the face is looked at to find its crop, before the last time.
        min_score: Face score from which the face-mesh network's marks are used.
        teacher_yaw_deg: Yaw up to which they are.
        max_error_percent: Mean distance of landmarks from the prediction, in percent of the crop, up to which
            both are believed.
        max_yaw_error_deg: The same for a yaw that is known.
    """

    weights: Path | None = None
    passes: int = 2
    min_score: float = 0.6
    teacher_yaw_deg: float = 48.0
    max_error_percent: float = 4.5
    # Fixed; see `core.fixed_settings`.
    max_yaw_error_deg: ClassVar[float] = 20.0

    @property
    def weights_path(self) -> Path:
        """Where the weights lie.

        Raises:
            ConfigError: If there is no such file.
        """
        if self.weights is not None and not self.weights.is_file():
            raise ConfigError(f"weights {self.weights}: expected a file of weights, found none.")
        return self.weights or asset_path(_SHIPPED)


@dataclass(frozen=True, eq=False)
class ViewLabels:
    """What is known about photos.

    Attributes:
        boxes: Each face's crop, in pixels of its photo.
        outputs: Output vectors for these crops, whatever their size.
        believed: Where they may supervise.
        points_px: Landmarks in pixels of each photo, those of the face-mesh network included; NaN where there
            is none, or it is not believed.
        yaw_deg: Predicted turn of each head.
        marked_percent: Mean distance of the face-mesh network's marks from the prediction, in percent of the
            crop; infinite where there are none.
    """

    boxes: Float[np.ndarray, "photos 4"]
    outputs: Float32[np.ndarray, "photos outputs"]
    believed: Bool[np.ndarray, " photos"]
    points_px: dict[str, Float32[np.ndarray, "photos points 2"]]
    yaw_deg: Float[np.ndarray, " photos"]
    marked_percent: Float[np.ndarray, " photos"]


class ViewLabeller:
    """Labels photos with the mean prediction of a trained network for each and for its mirror image.

    Predictions are drawn towards landmarks as in `SecondRound`.

    Args:
        model: The face model.
        config: How to label.

    Raises:
        ConfigError: If the weights are of another coefficient space.
        ModelFileError: If they cannot be read.
    """

    def __init__(self, model: FaceModel, config: ViewLabelConfig) -> None:
        self.config = config
        self._model = model
        self._layout = CoefficientLayout.of(model)
        self._second = SecondRound(model, SecondRoundConfig(weights=config.weights_path))
        self._teacher = FaceMeshTeacher(FaceMeshConfig(passes=3))
        self._box_points = model.subset(model.landmarks("ibug68"))

    def label(
        self,
        images: Sequence[UInt8[np.ndarray, "_ _ 3"]],
        boxes: Float[np.ndarray, "photos 4"],
        points_px: dict[str, Float32[np.ndarray, "photos points 2"]],
        yaw_deg: Float[np.ndarray, " photos"] | None = None,
        *,
        trusted: bool = True,
    ) -> ViewLabels:
        """Label photos.

        Args:
            images: RGB.
            boxes: Roughly each face's crop, in pixels of its photo.
            points_px: Annotated landmarks in pixels of each photo.
            yaw_deg: Turn of each head, where it is known.
            trusted: Whether predictions are drawn towards annotated landmarks, not only to the marks of the
                face-mesh network.
        """
        for _ in range(self.config.passes):
            boxes = self._found_boxes(self._second.predict(_pack(images, boxes, {})), boxes)
        marks, score = mark_photos(
            [_cut(image, box) for image, box in zip(images, boxes, strict=True)], self._teacher
        )
        marks[score < self.config.min_score] = np.nan
        grown = canvas_box(boxes)
        known = {name: photo_to_crop(points, grown, CANVAS_PX) for name, points in points_px.items()}
        used = {TEACHER_SET: marks} | (known if trusted else {})
        outputs = self._second.corrected(_pack(images, boxes, _single(used))).outputs
        yaw = self._yaw_deg(outputs)
        error = self._error_percent(outputs, TEACHER_SET, marks - (CANVAS_PX - FACE_PX) / 2)
        marked = (error <= self.config.max_error_percent) & (np.abs(yaw) <= self.config.teacher_yaw_deg)
        marks[~marked] = np.nan
        believed = marked.copy()
        for name, points in points_px.items():
            error_of_set = self._error_percent(outputs, name, photo_to_crop(points, boxes, FACE_PX))
            believed |= error_of_set <= self.config.max_error_percent
        if yaw_deg is not None:
            believed |= np.abs(yaw - yaw_deg) <= self.config.max_yaw_error_deg
        scale = (grown[:, None, 2:] - grown[:, None, :2]) / CANVAS_PX
        in_photo = (marks * scale + grown[:, None, :2]).astype(np.float32)
        return ViewLabels(boxes, outputs.numpy(), believed, {**points_px, TEACHER_SET: in_photo}, yaw, error)

    def _found_boxes(self, outputs: Tensor, boxes: np.ndarray) -> Float[np.ndarray, "photos 4"]:
        """The faces' crops in the photos, of predictions for crops of `boxes`."""
        points = project_points(self._box_points, *self._layout.decode(outputs, FACE_PX))
        found = roi_from_points(points).numpy().astype(np.float64)
        side = (boxes[:, 2:] - boxes[:, :2]) / FACE_PX
        return found * np.tile(side, 2) + np.tile(boxes[:, :2], 2)

    def _yaw_deg(self, outputs: Tensor) -> Float[np.ndarray, " photos"]:
        rotation = self._layout.decode(outputs, FACE_PX)[0].rotation
        yaw, _, _ = head_angles_from_matrix(camera_to_head(rotation))
        return np.rad2deg(yaw.numpy().astype(np.float64))

    def _error_percent(
        self, outputs: Tensor, set_name: str, points_px: np.ndarray
    ) -> Float[np.ndarray, " photos"]:
        """Mean distance of known landmarks from predicted ones, percent of the crop; infinite without any."""
        basis = self._model.subset(self._model.landmarks(set_name))
        predicted = project_points(basis, *self._layout.decode(outputs, FACE_PX)).numpy()
        distance = np.linalg.norm(predicted - points_px, axis=-1)
        seen = np.isfinite(distance)
        count = seen.sum(axis=1)
        mean = np.where(seen, distance, 0).sum(axis=1) / np.maximum(count, 1)
        return np.where(count > 0, 100 * mean / FACE_PX, np.inf)


def _single(points_px: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: points.astype(np.float32) for name, points in points_px.items()}


def _cut(image: np.ndarray, box: np.ndarray) -> UInt8[np.ndarray, "side side 3"]:
    return crop_and_resize(image, canvas_box(box), CANVAS_PX)


def _pack(images: Sequence[np.ndarray], boxes: np.ndarray, points_px: dict[str, np.ndarray]) -> Pack:
    """Photos as a pack of the first training, as far as predictions need it; points in canvas pixels."""
    canvases = np.stack([_cut(image, box) for image, box in zip(images, boxes, strict=True)])
    return Pack("views", canvases, points_px, np.zeros((len(canvases), 0), np.float32))
