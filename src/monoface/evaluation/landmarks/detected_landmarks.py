"""Landmarks for a network's map from the face-mesh network that labels training photos."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from monoface.detection.crops import SquareCrop
from monoface.detection.facemesh import MESH_CROP_SCALE
from monoface.detection.teacher import FaceMeshConfig, FaceMeshTeacher
from monoface.facemodel.landmarks import FLM18_GROUPS_468
from monoface.geometry.roi import SIDE_PER_BOX


class FaceMeshLandmarks:
    """The 18 points of landmark maps as the face-mesh network sees them.

    Args:
        min_score: Faces that it is less sure of get no landmarks; half profiles and beyond are among them.
        passes: Times it looks; the crop of the next time is upright.
    """

    def __init__(self, min_score: float = 0.5, passes: int = 3) -> None:
        self._teacher = FaceMeshTeacher(FaceMeshConfig(passes=passes))
        self._min_score = min_score

    def __call__(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]], boxes: Float[np.ndarray, "batch 4"]
    ) -> Float[np.ndarray, "batch 18 2"]:
        """Points in pixels of the photos; rows of NaN where there are none."""
        photos = [Image.fromarray(image) for image in images]
        crops = [SquareCrop.from_box(box, MESH_CROP_SCALE / SIDE_PER_BOX) for box in boxes]
        found = self._teacher.mark(photos, crops)
        points = found.points_px[..., :2]
        chosen = np.stack([points[:, list(group)].mean(axis=1) for group in FLM18_GROUPS_468], axis=1)
        chosen[found.score < self._min_score] = np.nan
        return chosen.astype(np.float64)
