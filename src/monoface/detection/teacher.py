"""The teacher: 468 dense landmarks from a public network, to make pseudo-labels with.

Crops follow what MediaPipe documents for this network: a square of 1.5 times the longer side of the detected
box (25 % of margin on every side), turned so that the eyes are level; the next crop comes from the network's
own landmarks, with the outer eye corners for its angle.

Reference:
    Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", CVPR Workshops
    2019, and the MediaPipe documentation of Face Mesh.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from monoface.core.errors import ConfigError
from monoface.detection.crops import SquareCrop, direction_rad, photo_from_array
from monoface.detection.detections import Detection
from monoface.detection.facemesh import MESH_CROP_SCALE, MESH_SIZE_PX, FaceMeshNetwork
from monoface.detection.sessions import logit_to_probability

# Outer corners of the eyes in the mesh: right and left eye of the subject.
_RIGHT_EYE, _LEFT_EYE = 33, 263


@dataclass(frozen=True)
class FaceMeshConfig:
    """How the teacher runs.

    Attributes:
        passes: Times the network runs; every pass after the first crops by the landmarks of the one before.
        batch_size: Crops in one run of the network.
        threads: Threads of the network.
    """

    passes: int = 2
    batch_size: int = 16
    threads: int = 1

    def __post_init__(self) -> None:
        if self.passes < 1 or self.batch_size < 1:
            raise ConfigError(
                f"passes and batch_size: expected positive numbers, got {self.passes} and {self.batch_size}."
            )


@dataclass(frozen=True, eq=False)
class FaceMeshes:
    """Dense landmarks of faces.

    Attributes:
        points_px: x, y in pixels of the photo and depth in the same scale: it grows away from the camera and
            its origin is inside the head, so only differences mean something.
        score: Probability that the crop shows a face.
    """

    points_px: Float[np.ndarray, "faces 468 3"]
    score: Float[np.ndarray, " faces"]

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def empty(cls) -> Self:
        """No faces."""
        return cls(np.zeros((0, 468, 3), dtype=np.float32), np.zeros(0, dtype=np.float32))


def crop_from_detection(detection: Detection) -> SquareCrop:
    """First crop of the teacher: the detected box, with the eyes level."""
    right_eye, left_eye = detection.keypoints_px[:2]
    return SquareCrop.from_box(detection.network_box, MESH_CROP_SCALE, direction_rad(right_eye, left_eye))


def crop_from_mesh(points_px: Float[np.ndarray, "468 dims"]) -> SquareCrop:
    """Crop of a later pass: around the landmarks, with the outer eye corners level."""
    roll_rad = direction_rad(points_px[_RIGHT_EYE], points_px[_LEFT_EYE])
    return SquareCrop.around_points(points_px[:, :2], MESH_CROP_SCALE, roll_rad)


class FaceMeshTeacher:
    """Marks 468 points on faces that were detected.

    Point indices are those of MediaPipe's canonical face mesh.
    """

    def __init__(self, config: FaceMeshConfig | None = None) -> None:
        self.config = config or FaceMeshConfig()
        self._network = FaceMeshNetwork(self.config.threads)

    def __call__(
        self, image: UInt8[np.ndarray, "height width 3"], detections: Sequence[Detection]
    ) -> FaceMeshes:
        """Mark the detected faces of one photo.

        Raises:
            ImageError: If the image is not 8-bit RGB.
        """
        photo = photo_from_array(image)
        return self.mark([photo] * len(detections), [crop_from_detection(one) for one in detections])

    def mark(self, photos: Sequence[Image.Image], crops: Sequence[SquareCrop]) -> FaceMeshes:
        """Mark one face in each photo, in batches; for thousands of photos.

        Args:
            photos: RGB photos; the same one may come several times.
            crops: The crop of the face in each photo, from `crop_from_detection` or from other labels.

        Raises:
            ConfigError: If there are not as many crops as photos.
        """
        if len(photos) != len(crops):
            raise ConfigError(f"crops: expected one for each of {len(photos)} photos, got {len(crops)}.")
        parts = []
        for start in range(0, len(crops), self.config.batch_size):
            batch = slice(start, start + self.config.batch_size)
            parts.append(self._mark_batch(photos[batch], crops[batch]))
        if not parts:
            return FaceMeshes.empty()
        return FaceMeshes(
            np.concatenate([part.points_px for part in parts]), np.concatenate([part.score for part in parts])
        )

    def _mark_batch(self, photos: Sequence[Image.Image], crops: Sequence[SquareCrop]) -> FaceMeshes:
        for _ in range(self.config.passes):
            pixels = np.stack(
                [crop.sample(photo, MESH_SIZE_PX) for photo, crop in zip(photos, crops, strict=True)]
            )
            points, logit = self._network(pixels)
            points_px = np.stack(
                [crop.to_photo(p, MESH_SIZE_PX) for p, crop in zip(points, crops, strict=True)]
            )
            crops = [crop_from_mesh(one) for one in points_px]
        return FaceMeshes(points_px.astype(np.float32), logit_to_probability(logit))
