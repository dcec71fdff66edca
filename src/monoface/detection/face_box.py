"""From the six keypoints of a detection to the box of the 68 landmarks, which crops are made from."""

import numpy as np
from jaxtyping import Float

from monoface.geometry.roi import box_of_points

# A few landmarks that span the box of all 68, each a fixed affine combination of the six keypoints (columns:
# right eye, left eye, nose tip, mouth, right ear, left ear). Under an affine camera this is exact for a rigid
# head in any pose, so one table serves from profile to profile. Fitted by tools/fit_face_box.py to the 21
# points of AFLW (training part) and the 68 of YouTube Faces.
_RIGHT_HALF = np.array(
    [
        [-0.367, 0.101, -0.213, 0.524, 1.125, -0.170],  # end of the jaw, at the lobe of the ear
        [1.071, 0.102, 0.201, -0.347, 0.173, -0.200],  # outer end of the brow
        [1.048, 0.265, 0.333, -0.467, 0.008, -0.187],  # middle of the brow
    ]
)
_MIDDLE = np.array(
    [
        [0.225, 0.225, 0.491, 0.357, -0.149, -0.149],  # tip of the nose
        [-0.362, -0.362, -0.317, 1.811, 0.115, 0.115],  # chin
    ]
)
_MIRRORED = [1, 0, 2, 3, 5, 4]
_POINTS = np.concatenate([_RIGHT_HALF, _RIGHT_HALF[:, _MIRRORED], _MIDDLE])


def estimate_face_box(keypoints_px: Float[np.ndarray, "6 2"]) -> Float[np.ndarray, " 4"]:
    """Estimate the upright bounding box x0, y0, x1, y1 of the 68 landmarks.

    Landmarks are meant as AFLW2000-3D has them: hidden ones where they are on the head, so that the box of a
    profile reaches from the nose to the ear.

    Args:
        keypoints_px: Right eye, left eye, nose tip, mouth, right ear, left ear, with the subject's right.
    """
    return box_of_points(_POINTS @ keypoints_px)
