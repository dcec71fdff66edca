"""What benchmarks measure: anything that finds landmarks in photos, and our regressors as that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from monoface.facemodel import FaceModel, PointBasis
from monoface.geometry.crops import crop_and_resize
from monoface.geometry.rotations import camera_to_head, degrees, head_angles_from_matrix
from monoface.pipeline import CoefficientRegressor, Regression, next_roi

LANDMARK_SET: Final = "ibug68"
"""Compared with the original annotation, whose mesh points it is calibrated to."""

LANDMARK_SET_REANNOTATED: Final = "ibug68_reannotated"
"""Compared with the re-annotated points, likewise."""


@dataclass(frozen=True)
class Landmarks68:
    """Predicted landmarks of a batch of faces, in pixels of their photos. A row of NaN says: none found.

    The two annotations place the 68 points differently on a face, so a predictor may follow each.

    Attributes:
        original_px: For the original annotation.
        reannotated_px: For the re-annotated points; the same array if there is only one opinion.
        yaw_deg: Turn of the head, positive towards image left; None if it is not predicted.
        depth_px: Depth of the points for the original annotation, in pixels, growing towards the camera,
            from any origin; None if it is not predicted.
    """

    original_px: Float[np.ndarray, "batch 68 2"]
    reannotated_px: Float[np.ndarray, "batch 68 2"]
    yaw_deg: Float[np.ndarray, " batch"] | None = None
    depth_px: Float[np.ndarray, "batch 68"] | None = None


@runtime_checkable
class LandmarkPredictor(Protocol):
    """Finds the 68 landmarks of one face in each of a batch of photos."""

    def __call__(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]], boxes: Float[np.ndarray, "batch 4"]
    ) -> Landmarks68:
        """Landmarks in pixels of the photos.

        Args:
            images: Photos in RGB, of any sizes.
            boxes: Squares around the faces: left, top, right, bottom edges in pixels of the photo.
        """
        ...


class RegressorPredictor:
    """A trained regressor with its face model, one or more passes.

    Args:
        regressor: Sees the crops.
        model: Its face model, with the landmark sets of both annotations.
        passes: 1 uses the given box; each further pass crops again around the landmarks found.

    Raises:
        ModelFileError: If the face model lacks one of the landmark sets.
    """

    def __init__(self, regressor: CoefficientRegressor, model: FaceModel, passes: int = 1) -> None:
        model = model.to(regressor.device)
        self._regressor = regressor
        self._original = model.subset(model.landmarks(LANDMARK_SET))
        self._reannotated = model.subset(model.landmarks(LANDMARK_SET_REANNOTATED))
        self._passes = passes

    def __call__(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]], boxes: Float[np.ndarray, "batch 4"]
    ) -> Landmarks68:
        """Landmarks in pixels of the photos; see `LandmarkPredictor`."""
        found = self._regress(images, boxes)
        for _ in range(self._passes - 1):
            points_px = found.landmarks_px(self._original).cpu().numpy()
            boxes = np.stack([next_roi(*pair) for pair in zip(points_px, boxes, strict=True)])
            found = self._regress(images, boxes)
        yaw_rad, _, _ = head_angles_from_matrix(camera_to_head(found.coefficients.rotation))
        return Landmarks68(
            original_px=found.landmarks_px(self._original).cpu().numpy(),
            reannotated_px=found.landmarks_px(self._reannotated).cpu().numpy(),
            yaw_deg=degrees(yaw_rad).cpu().numpy(),
            depth_px=_depth_px(found, self._original).cpu().numpy(),
        )

    def _regress(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]], boxes: Float[np.ndarray, "batch 4"]
    ) -> Regression:
        size_px = self._regressor.size_px
        pairs = zip(images, boxes, strict=True)
        crops = np.stack([crop_and_resize(image, box, size_px) for image, box in pairs])
        return self._regressor.predict(torch.from_numpy(crops)).in_photo(boxes, size_px)


def _depth_px(found: Regression, points: PointBasis) -> Float[Tensor, "batch points"]:
    """Depth of points in pixels of the photo, growing towards the camera, from the model's origin."""
    coefficients = found.coefficients
    basis = points.mean_mm
    points_mm = points(coefficients.identity.to(basis), coefficients.expression.to(basis))
    away_mm = points_mm.to(coefficients.rotation) @ coefficients.rotation[:, 2, :, None]
    return -away_mm[..., 0] * found.camera.scale_px_per_mm[:, None]
