"""Which square of a photo of AFLW2000-3D a predictor sees."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, UInt8

from monoface.data.sources import Aflw2000Photo
from monoface.detection import Detection
from monoface.geometry.crops import unclip_square
from monoface.geometry.roi import box_iou, box_of_points, roi_of_box
from monoface.photos.reading import read_image
from monoface.pipeline.detecting import DetectsFaces

MIN_DETECTION_IOU = 0.4
"""A detection that overlaps the box of the true 68 points by less is of something else."""

FindBox = Callable[[Aflw2000Photo], Float[np.ndarray, " 4"] | None]
"""Edges of the square around the face of a photo, in pixels; None if no face was found."""

Detect = Callable[[UInt8[np.ndarray, "height width 3"]], Sequence[Detection]]
"""Faces in a photo."""


def detect_with(detector: DetectsFaces) -> Detect:
    """What a reconstructor's detector sees in photos."""
    return lambda image: detector.detect_photos([read_image(image)])[0]


def given_box(photo: Aflw2000Photo) -> Float[np.ndarray, " 4"]:
    """The annotated `roi_box`, made whole again where the photo's borders cut it."""
    height, width = photo.image.shape[:2]
    return unclip_square(photo.roi_box, width, height)


class DetectedBox:
    """Square around the detection that covers the annotated face best.

    The annotation only decides which of several people is meant, never where the square lies.
    """

    def __init__(self, detect: Detect) -> None:
        self._detect = detect

    def __call__(self, photo: Aflw2000Photo) -> Float[np.ndarray, " 4"] | None:
        """Square of the detection; None if none overlaps the box of the true points well enough."""
        detections = self._detect(photo.image)
        if not detections:
            return None
        boxes = np.stack([detection.box for detection in detections])
        overlap = box_iou(box_of_points(photo.points68_px[:, :2]), boxes)
        best = int(overlap.argmax())
        return roi_of_box(boxes[best]) if overlap[best] >= MIN_DETECTION_IOU else None
