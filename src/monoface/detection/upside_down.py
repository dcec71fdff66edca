"""Faces that were found head down: a bald head with a beard has a face either way up."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from math import pi

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from monoface.detection.crops import SquareCrop
from monoface.detection.detections import Detection
from monoface.detection.face_box import estimate_face_box
from monoface.detection.facemesh import MESH_SIZE_PX, FaceMeshNetwork
from monoface.detection.teacher import crop_from_mesh
from monoface.geometry.roi import box_of_points

# Logits. On turned portraits the face mesh prefers the right way up by 20 and more where faces were found so,
# and the other one by 9 and more where they were not.
_PREFERRED_BY = 5.0
# What it must say of a face the other way up.
_SURE_LOGIT = 5.0

# Points of the mesh at the keypoints of a detection, in pairs: eyes, nose tip, mouth, ears.
_KEYPOINTS = ((33, 133), (263, 362), (1, 1), (13, 14), (234, 234), (454, 454))


class UpsideDownCheck:
    """Asks the face mesh, which knows upright faces alone, which way up faces are. Loads it when first asked.

    Args:
        threads: Of the network.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads

    @cached_property
    def _mesh(self) -> FaceMeshNetwork:
        return FaceMeshNetwork(self._threads)

    def __call__(
        self, faces: Sequence[tuple[UInt8[np.ndarray, "_ _ 3"], SquareCrop]]
    ) -> list[SquareCrop | None]:
        """Squares for regressors around faces that are surely the other way up than found; None for others.

        Args:
            faces: Photo in RGB, and a square around the 68 landmarks that is upright as the face was found.
        """
        return [self._righted(Image.fromarray(image), crop) for image, crop in faces]

    def _righted(self, photo: Image.Image, found: SquareCrop) -> SquareCrop | None:
        other = replace(found, roll_rad=found.roll_rad + pi)
        points_px, logit = self._look(photo, other)
        if logit < _SURE_LOGIT or logit < self._look(photo, found)[1] + _PREFERRED_BY:
            return None
        # What was found the wrong way up is not in the middle of the face.
        points_px, _ = self._look(photo, crop_from_mesh(points_px))
        keypoints_px = np.stack([points_px[list(pair), :2].mean(axis=0) for pair in _KEYPOINTS])
        box = estimate_face_box(keypoints_px)
        return Detection(box, 1.0, keypoints_px, box_of_points(points_px[:, :2])).roi_crops()[0]

    def _look(self, photo: Image.Image, crop: SquareCrop) -> tuple[Float[np.ndarray, "468 3"], float]:
        """Points in pixels of the photo, and how sure the mesh is of a face."""
        points, logits = self._mesh(crop.sample(photo, MESH_SIZE_PX)[None])
        return crop.to_photo(points[0].astype(np.float64), MESH_SIZE_PX), float(logits[0])
