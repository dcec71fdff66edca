"""What benchmarks measure: anything that finds landmarks in photos, and our regressors as that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from monoface.core.errors import ConfigError
from monoface.facemodel import LinearFaceModel, LinearPoints
from monoface.facemodel.landmarks import FLM18
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.geometry.rotations import camera_to_head, degrees, head_angles_from_matrix
from monoface.regression import CoefficientRegressor, Passes, Regression, regress_photos

LANDMARK_SET: Final = "ibug68"
"""Compared with the original annotation, whose mesh points it is calibrated to."""

LANDMARK_SET_REANNOTATED: Final = "ibug68_reannotated"
"""Compared with the re-annotated points, likewise."""


DetectLandmarks = Callable[
    [Sequence[UInt8[np.ndarray, "height width 3"]], Float[np.ndarray, "batch 4"]],
    Float[np.ndarray, "batch 18 2"],
]
"""The points `flm18` of the faces in given squares, in pixels of the photos; NaN where none is found."""


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


def refuse_looks(as_reconstruct: bool, passes: int, *, mirror: bool) -> None:
    """Refuse to be told how to look where `monoface reconstruct` is measured, which has its own way.

    Raises:
        ConfigError: If it is measured, and there are passes or a mirror image besides.
    """
    if as_reconstruct and (passes != 1 or mirror):
        raise ConfigError(
            "as_reconstruct: expected neither passes nor mirror, for it looks as monoface reconstruct does. "
            "Leave them out."
        )


def looks_text(passes: int, *, mirror: bool) -> str:
    """How a regressor looked, for a report."""
    times = f"{passes} pass{'es' * (passes > 1)}"
    return f"{times}, the last one with the mirror image" if mirror else times


class RegressorPredictor:
    """A trained regressor with its face model, one or more passes.

    In a first pass, networks with a landmark map see an empty one, unless landmarks are detected for them;
    in further passes the landmarks found in the pass before.

    Args:
        regressor: Sees the crops.
        model: Its face model, with the landmark sets of both annotations.
        passes: 1 uses the given box; each further pass crops again around the landmarks found, if `recrop`.
        mirror: Look at the mirror image too in the last pass, and take the mean.
        recrop: False keeps the given box in all passes, which only networks with a landmark map profit from.
        detect: Landmarks for the map of the first pass.

    Raises:
        ModelFileError: If the face model lacks one of the landmark sets.
    """

    def __init__(
        self,
        regressor: CoefficientRegressor,
        model: LinearFaceModel,
        passes: int = 1,
        *,
        mirror: bool = False,
        recrop: bool = True,
        detect: DetectLandmarks | None = None,
    ) -> None:
        self._detect = detect
        self._regressor = regressor
        self._original = model.subset(model.landmarks(LANDMARK_SET))
        self._reannotated = model.subset(model.landmarks(LANDMARK_SET_REANNOTATED))
        self._passes = Passes(
            passes,
            landmarks=self._original if recrop else None,
            mapped=model.subset(model.landmarks(FLM18)),
            mirror=CoefficientMirror(model) if mirror else None,
        )

    def __call__(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]], boxes: Float[np.ndarray, "batch 4"]
    ) -> Landmarks68:
        """Landmarks in pixels of the photos; see `LandmarkPredictor`."""
        shown_px = None if self._detect is None else self._detect(images, boxes)
        found = regress_photos(self._regressor, images, boxes, self._passes, shown_px)
        yaw_rad, _, _ = head_angles_from_matrix(camera_to_head(found.coefficients.rotation))
        return Landmarks68(
            original_px=found.landmarks_px(self._original),
            reannotated_px=found.landmarks_px(self._reannotated),
            yaw_deg=degrees(yaw_rad),
            depth_px=depth_px(found, self._original),
        )


def depth_px(found: Regression, points: LinearPoints) -> Float[np.ndarray, "batch points"]:
    """Depth of points in pixels of the photo, growing towards the camera, from the model's origin."""
    coefficients = found.coefficients
    points_mm = points.in_numpy()(coefficients.identity, coefficients.expression)
    away_mm = points_mm @ coefficients.rotation[:, 2, :, None]
    return -away_mm[..., 0] * found.camera.scale_at(coefficients.translation_mm[:, 2])[:, None]
