"""The face-mesh network on ready crops.

Reference:
    Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", CVPR Workshops
    2019.
"""

import numpy as np
from jaxtyping import Float, UInt8

from monoface.detection.sessions import open_session

MESH_SIZE_PX = 192
MESH_CROP_SCALE = 1.5
"""Side of the crop per longer side of the face's box, as MediaPipe documents: a quarter of margin around."""


class FaceMeshNetwork:
    """Marks 468 points on upright face crops. Point indices are those of MediaPipe's canonical face mesh."""

    def __init__(self, threads: int) -> None:
        self._session = open_session("facemesh.onnx", threads)

    def __call__(
        self, crops: UInt8[np.ndarray, "batch 192 192 3"]
    ) -> tuple[Float[np.ndarray, "batch 468 3"], Float[np.ndarray, " batch"]]:
        """Return points in pixels of the crop, depth in the same scale, and the logit of a face."""
        feed = np.ascontiguousarray(crops.transpose(0, 3, 1, 2)).astype(np.float32) / np.float32(255)
        points, logit = self._session.run(None, {"image": feed})
        return points, logit[:, 0]
