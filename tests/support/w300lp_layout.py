"""300W-LP's layout with a few photos, written by scipy."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat


def write_w300lp_photo(
    folder: Path,
    key: str,
    image: np.ndarray,
    points68: np.ndarray | None,
    angles_deg: tuple[float, float, float],
) -> None:
    """One photo with its files; `points68` as the data set counts pixels, the angles are yaw, pitch, roll.

    Without points there is no file of landmarks.
    """
    path = folder / f"{key}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, quality=95)
    yaw, pitch, roll = np.radians(angles_deg)
    savemat(
        path.with_suffix(".mat"),
        {
            "Pose_Para": np.array([[pitch, yaw, roll, 1.0, 2.0, 3.0, 1e-3]], np.float32),
            "Shape_Para": np.zeros((199, 1)),
            "Exp_Para": np.zeros((29, 1)),
            "roi": np.array([[1, 1, 450, 450]]),
            "pt2d": np.zeros((2, 68)),
        },
    )
    if points68 is not None:
        landmarks = folder / "landmarks" / f"{key}_pts.mat"
        landmarks.parent.mkdir(parents=True, exist_ok=True)
        savemat(landmarks, {"pts_2d": np.zeros((68, 2)), "pts_3d": points68})
