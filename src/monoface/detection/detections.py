"""What the detector reports."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from monoface.geometry.roi import roi_of_box


@dataclass(frozen=True, eq=False)
class Detection:
    """One face.

    Attributes:
        box: Estimated bounding box x0, y0, x1, y1 of the 68 landmarks, in pixels of the photo.
        score: Probability of a face.
        keypoints_px: Right eye, left eye, nose tip, mouth, right ear, left ear, with the subject's right.
        network_box: The box as the network drew it: brows to chin. The teacher's crop is made from it.
    """

    box: Float[np.ndarray, " 4"]
    score: float
    keypoints_px: Float[np.ndarray, "6 2"]
    network_box: Float[np.ndarray, " 4"]

    def roi_box(self) -> Float[np.ndarray, " 4"]:
        """Square crop for the regressors: sqrt(2) times the longer side of `box`, around its centre."""
        return roi_of_box(self.box)
