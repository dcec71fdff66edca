"""Seven made-up photos in the form of AFLW2000-3D."""

import numpy as np

from monoface.data.sources import Aflw2000
from monoface.data.sources.aflw2000 import Aflw2000Annotations, compute_roi_box
from monoface.evaluation.landmarks.aflw2000_errors import PredictionSetup

YAW_DEG = np.array([-75.0, 0.25, 40.5, 10, 89, -20, 31], dtype=np.float32)
SETUP = PredictionSetup("roi_box", 1, "ibug68", "ibug68_reannotated")


class BlankPhotos:
    """Grey pictures of 320 x 260 pixels whose first pixel tells the key."""

    def decode(self, name):
        image = np.full((260, 320, 3), 128, dtype=np.uint8)
        image[0, 0] = int(name.split(".")[0])
        return image


def make_source(with_reannotation=True):
    generator = np.random.default_rng(2)
    points = generator.uniform(60, 180, (7, 68, 3)).astype(np.float32)
    annotations = Aflw2000Annotations(
        keys=tuple(f"{row}" for row in range(7)),
        points68_px=points,
        points68_reannotated_px=(points[..., :2] + 2) if with_reannotation else None,
        yaw_deg=YAW_DEG,
        roi_box=np.stack([compute_roi_box(face[:, :2], 320, 260) for face in points]),
    )
    return Aflw2000(BlankPhotos(), annotations, ".jpg")
