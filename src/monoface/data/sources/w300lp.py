"""300W-LP: photos of 300W turned up to profile, with 68 points fixed on fitted 3D faces, in its own layout.

    AFW/NAME.jpg  AFW/NAME.mat  landmarks/AFW/NAME_pts.mat    and so with HELEN, IBUG, LFPW
    AFW_Flip/NAME.jpg  AFW_Flip/NAME.mat                      mirror images

`NAME.mat` holds the pose, and shape and expression of the Basel face model, which mean nothing in another
face model's coefficients and are not read. `NAME_pts.mat` holds `pts_3d` (the points fixed on the fitted
mesh, hidden ones too, where they project to) and `pts_2d` (the jaw along the visible contour), which we do
not use. Where it is missing, `pt3d_68` in `NAME.mat` stands in if it is there, as in AFLW2000-3D.

The pixel convention is taken to be that of AFLW2000-3D, whose points came from the same fitting; see
`sources.aflw2000`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from monoface.core.errors import DataError
from monoface.data.sources.archive import FolderImages, to_pixel_centre_convention
from monoface.data.sources.mat_files import read_mat_arrays
from monoface.data.sources.source import PhotoSource

PARTS = ("AFW", "HELEN", "IBUG", "LFPW")
FLIPPED = "_Flip"


@dataclass(frozen=True)
class W300LpLabels:
    """What is known about one photo.

    Attributes:
        points68_px: Points fixed on the fitted mesh, in pixels of the photo.
        yaw_deg: Head angles of the fit, as in `docs/conventions.md`.
        pitch_deg: See `yaw_deg`.
        roll_deg: See `yaw_deg`.
    """

    points68_px: Float32[np.ndarray, "68 2"]
    yaw_deg: float
    pitch_deg: float
    roll_deg: float


@dataclass(frozen=True)
class W300LpPhoto:
    """One photo.

    Attributes:
        key: Part and name, such as `AFW/AFW_134212_1_0`.
        image: RGB.
        labels: What is known about it.
    """

    key: str
    image: UInt8[np.ndarray, "height width 3"]
    labels: W300LpLabels


class W300Lp(PhotoSource[W300LpPhoto]):
    """61,225 photos of 450 x 450 pixels, and as many mirror images.

    Labels are read with each photo, not all at once: two files a photo.

    Args:
        folder: Holds the parts.
        flips: Whether mirror images count. Training mirrors photos itself.

    Raises:
        DataError: If there is no photo.

    Reference:
        Zhu et al., "Face Alignment Across Large Poses: A 3D Solution", CVPR 2016.
    """

    def __init__(self, folder: Path, *, flips: bool = False) -> None:
        parts = [part + suffix for part in PARTS for suffix in ("", FLIPPED)[: 1 + flips]]
        paths = [path for part in parts for path in sorted((folder / part).glob("*.jpg"))]
        if not paths:
            raise DataError(f"{folder}: expected photos in {', '.join(PARTS)}, found none. Check the folder.")
        self._folder = folder
        keys = [path.relative_to(folder).with_suffix("").as_posix() for path in paths]
        super().__init__(FolderImages(folder), keys, ".jpg")

    def labels(self, index: int) -> W300LpLabels:
        """Labels of one photo.

        Raises:
            DataError: As `read_w300lp_labels`.
        """
        return read_w300lp_labels(self._folder, self.keys[index])

    def __getitem__(self, index: int) -> W300LpPhoto:
        return W300LpPhoto(self.keys[index], self.image(index), self.labels(index))


def read_w300lp_labels(folder: Path, key: str) -> W300LpLabels:
    """Labels of the photo of a key.

    Raises:
        DataError: If its files are missing, damaged, not as described, or without the 68 points.
    """
    path = folder / f"{key}.mat"
    pitch, yaw, roll = np.degrees(read_mat_arrays(path, {"Pose_Para": (1, 7)})["Pose_Para"][0, :3])
    points_path = folder / "landmarks" / f"{key}_pts.mat"
    if points_path.is_file():
        points = read_mat_arrays(points_path, {"pts_3d": (68, 2)})["pts_3d"]
    else:
        points = read_mat_arrays(path, {"pt3d_68": (3, 68)})["pt3d_68"][:2].T
    if not np.isfinite(points).all() or not np.isfinite((pitch, yaw, roll)).all():
        raise DataError(f"{path}: expected finite points and angles, got others.")
    points68_px = to_pixel_centre_convention(np.ascontiguousarray(points, dtype=np.float32))
    return W300LpLabels(points68_px, float(yaw), float(pitch), float(roll))
