"""From a detection's keypoints to the box of the 68 landmarks."""

import numpy as np
from jaxtyping import Float


def estimate_face_box(keypoints_px: Float[np.ndarray, "6 2"]) -> Float[np.ndarray, " 4"]:
    """Estimate the bounding box of the 68 landmarks."""
    return np.concatenate([keypoints_px.min(axis=0), keypoints_px.max(axis=0)])
