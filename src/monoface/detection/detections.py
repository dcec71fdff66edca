"""What the detector reports."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from monoface.detection.crops import SquareCrop, direction_rad, face_axes
from monoface.detection.face_box import estimate_face_box
from monoface.geometry.roi import SIDE_PER_BOX, roi_of_box

# Networks have learned heads that are tilted so far; what is turned further is looked at upright.
_LEVEL_RAD = math.radians(25)
# From this angle on between what the eyes say of the roll and what the mouth says, one of them is wrong.
_CONTRADICTION_RAD = math.radians(40)
_ORIGIN = np.zeros(2)


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

    def zoomed(self, zoom: float) -> "Detection":
        """The same face in the photo once it has `zoom` times as many pixels along each axis."""
        return Detection(zoom * self.box, self.score, zoom * self.keypoints_px, zoom * self.network_box)

    @property
    def roi_side_px(self) -> float:
        """Side of the square crop for regressors."""
        return SIDE_PER_BOX * float((self.box[2:] - self.box[:2]).max())

    def roi_box(self) -> Float[np.ndarray, " 4"]:
        """Square crop for the regressors: sqrt(2) times the longer side of `box`, around its centre."""
        return roi_of_box(self.box)

    def roi_crops(self) -> list[SquareCrop]:
        """Squares for regressors: the level one or, of a turned head, an upright one for each roll of it.

        The roll is the direction of the eye line and of the way from the eyes to the mouth together, where
        the two agree. Where they contradict each other, as where no face was seen, either may be true.
        """
        rolls_rad = self._rolls_rad()
        if all(abs(roll_rad) <= _LEVEL_RAD for roll_rad in rolls_rad):
            return [SquareCrop.from_box(self.roi_box(), 1.0)]
        return [self._upright_crop(roll_rad) for roll_rad in rolls_rad]

    def _rolls_rad(self) -> list[float]:
        """Angles clockwise as seen; none if all keypoints lie in one place."""
        right_eye, left_eye, _, mouth = self.keypoints_px[:4]
        ways = face_axes(right_eye, left_eye, mouth)
        angles = [direction_rad(_ORIGIN, one) for one in ways if np.abs(one).max() > 0]
        if len(angles) == 2 and abs(_wrapped(angles[0] - angles[1])) < _CONTRADICTION_RAD:
            return [direction_rad(_ORIGIN, ways[0] + ways[1])]
        return angles

    def _upright_crop(self, roll_rad: float) -> SquareCrop:
        """Square around the head, turned by its roll."""
        turn = SquareCrop((0.0, 0.0), 1.0, roll_rad)
        box = estimate_face_box(turn.from_photo(self.keypoints_px, 1))
        upright = SquareCrop.from_box(box, SIDE_PER_BOX)
        x, y = turn.to_photo(np.array([upright.centre_px]), 1)[0]
        return SquareCrop((float(x), float(y)), upright.side_px, roll_rad)


def _wrapped(angle_rad: float) -> float:
    """The same angle in [-pi, pi)."""
    return (angle_rad + math.pi) % (2 * math.pi) - math.pi
