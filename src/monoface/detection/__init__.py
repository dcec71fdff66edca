"""Finding faces in photos, and the teacher that marks them densely."""

from monoface.detection.detections import Detection
from monoface.detection.detector import FaceDetector, FaceDetectorConfig
from monoface.detection.teacher import FaceMeshConfig, FaceMeshes, FaceMeshTeacher

__all__ = [
    "Detection",
    "FaceDetector",
    "FaceDetectorConfig",
    "FaceMeshConfig",
    "FaceMeshTeacher",
    "FaceMeshes",
]
