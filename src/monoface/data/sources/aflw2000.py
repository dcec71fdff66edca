"""AFLW2000-3D: 2,000 photos with 68 points of fitted 3D faces; the packed and the original layout.

Pixels. The points of the original `.mat` files equal, bit for bit, those that 3DDFA's test files and
our packed layout carry; published errors are computed on them as they are, with the first pixel's
centre at (0, 0). We add 0.5 in both layouts. (The fitting ran in MATLAB, whose first pixel's centre is
(1, 1); that the re-annotated inner points lie 1.2 and 1.0 px nearer the origin on average fits a
fitting that never subtracted it. Doing so now would only make figures incomparable.)

`roi_box` holds pixel *edges*, not points: 3DDFA cuts columns x0 to x1 - 1, that is [x0, x1) in our
convention, and clips at the picture's width. So nothing is added to it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from PIL import Image, UnidentifiedImageError

from monoface.core.errors import DataError
from monoface.data.sources.archive import (
    PIXEL_CENTRE_PX,
    FolderImages,
    LabelSpec,
    TarImages,
    read_labels,
    to_pixel_centre_convention,
)
from monoface.data.sources.mat_files import read_mat_arrays
from monoface.data.sources.source import ImageStore, PhotoSource
from monoface.geometry.roi import SIDE_PER_BOX


@dataclass(frozen=True)
class Aflw2000Photo:
    """One photo.

    Attributes:
        key: Its name in the source.
        image: RGB.
        points68_px: The original annotation, points fixed on a fitted mesh: x and y in pixels of the
            photo, and depth in pixels that grows towards the camera.
        points68_reannotated_px: The re-annotated points; None where the source has none.
        yaw_deg: Yaw of the fitted head; positive turns the nose to image left. A few fits have angles
            past 180 degrees; they are kept as they are, as in the usual split.
        roi_box: Left, top, right and bottom edge of 3DDFA's crop, in pixels of the photo.
    """

    key: str
    image: UInt8[np.ndarray, "height width 3"]
    points68_px: Float32[np.ndarray, "68 3"]
    points68_reannotated_px: Float32[np.ndarray, "68 2"] | None
    yaw_deg: float
    roi_box: Float32[np.ndarray, " 4"]


@dataclass(frozen=True)
class Aflw2000Annotations:
    """Annotations of all photos, in rows; see `Aflw2000Photo` for what they are."""

    keys: tuple[str, ...]
    points68_px: Float32[np.ndarray, "photos 68 3"]
    points68_reannotated_px: Float32[np.ndarray, "photos 68 2"] | None
    yaw_deg: Float32[np.ndarray, " photos"]
    roi_box: Float32[np.ndarray, "photos 4"]


class Aflw2000(PhotoSource[Aflw2000Photo]):
    """Photos of 450 x 450 pixels; `Aflw2000.open` recognises the layout of a folder.

    Reference:
        Zhu et al., "Face Alignment Across Large Poses: A 3D Solution", CVPR 2016. Re-annotation: Bulat
        and Tzimiropoulos, "How far are we from solving the 2D & 3D face alignment problem?", ICCV 2017.
    """

    def __init__(self, images: ImageStore, annotations: Aflw2000Annotations, suffix: str) -> None:
        super().__init__(images, annotations.keys, suffix)
        self.points68_px = annotations.points68_px
        self.points68_reannotated_px = annotations.points68_reannotated_px
        self.yaw_deg = annotations.yaw_deg
        self.roi_box = annotations.roi_box

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The photos of a folder in the packed (`labels.npz`) or the original (`.mat`) layout.

        Raises:
            DataError: If the folder has neither layout, or its files are damaged.
        """
        if (folder / "labels.npz").is_file():
            return cls.from_packed(folder)
        if any(folder.glob("image*.mat")):
            return cls.from_original(folder)
        raise DataError(
            f"{folder}: expected AFLW2000-3D, either labels.npz and images-*.tar or imageNNNNN.jpg and "
            "imageNNNNN.mat; found neither. Check the data folder."
        )

    @classmethod
    def from_packed(cls, folder: Path) -> Self:
        """The layout of `images-*.tar` and `labels.npz`; it may lack the re-annotated points.

        Raises:
            DataError: If the files are missing, damaged, or not laid out as described.
        """
        specs = {
            "points68_px": LabelSpec("f", (68, 3)),
            "points68_reannotated_px": LabelSpec("f", (68, 2), optional=True),
            "yaw_deg": LabelSpec("f"),
            "roi_box": LabelSpec("f", (4,)),
        }
        labels = read_labels(folder / "labels.npz", specs)
        reannotated = labels.get("points68_reannotated_px")
        annotations = Aflw2000Annotations(
            keys=tuple(labels["key"].tolist()),
            points68_px=to_pixel_centre_convention(labels["points68_px"].astype(np.float32)),
            points68_reannotated_px=None
            if reannotated is None
            else to_pixel_centre_convention(reannotated.astype(np.float32)),
            yaw_deg=labels["yaw_deg"].astype(np.float32),
            roi_box=labels["roi_box"].astype(np.float32),
        )
        return cls(TarImages(folder), annotations, ".webp")

    @classmethod
    def from_original(cls, folder: Path, *, allow_damaged: bool = False) -> Self:
        """The layout of the authors: `imageNNNNN.jpg` beside `imageNNNNN.mat`, no re-annotation.

        `roi_box` is computed by `compute_roi_box`; the yaw is the second angle of `Pose_Para`.

        Args:
            folder: Holds the files.
            allow_damaged: Let photos be damaged or missing: their boxes are NaN, and reading them raises.

        Raises:
            DataError: If scipy is not installed, or the files are missing, damaged, or not as described.
        """
        paths = sorted(folder.glob("image*.mat"))
        if not paths:
            raise DataError(f"{folder}: expected imageNNNNN.mat, found none. Check the data folder.")
        points, yaws, boxes = [], [], []
        for path in paths:
            points68_px, yaw_deg = _read_mat(path)
            points.append(points68_px)
            yaws.append(yaw_deg)
            try:
                boxes.append(compute_roi_box(points68_px[:, :2], *_picture_size(path.with_suffix(".jpg"))))
            except DataError:
                if not allow_damaged:
                    raise
                boxes.append(np.full(4, np.nan, dtype=np.float32))
        annotations = Aflw2000Annotations(
            keys=tuple(path.stem for path in paths),
            points68_px=np.stack(points),
            points68_reannotated_px=None,
            yaw_deg=np.array(yaws, dtype=np.float32),
            roi_box=np.stack(boxes),
        )
        return cls(FolderImages(folder), annotations, ".jpg")

    def __getitem__(self, index: int) -> Aflw2000Photo:
        reannotated = self.points68_reannotated_px
        return Aflw2000Photo(
            key=self.keys[index],
            image=self.image(index),
            points68_px=self.points68_px[index],
            points68_reannotated_px=None if reannotated is None else reannotated[index],
            yaw_deg=float(self.yaw_deg[index]),
            roi_box=self.roi_box[index],
        )


def compute_roi_box(
    points68_px: Float32[np.ndarray, "68 2"], width: int, height: int
) -> Float32[np.ndarray, " 4"]:
    """3DDFA's crop box of a photo: left, top, right and bottom edge in whole pixels.

    The square round the 68 points' bounding box, with sqrt(2) times its longer side, clipped to the
    picture. Rounded as 3DDFA's own boxes are: those of all 200 packed photos come out exactly.

    Args:
        points68_px: Points in our pixel convention.
        width: Of the photo, in pixels.
        height: Of the photo, in pixels.
    """
    # The boxes were made from points whose first pixel's centre is (0, 0).
    points: Float64[np.ndarray, "68 2"] = points68_px.astype(np.float64) - PIXEL_CENTRE_PX
    low, high = points.min(axis=0), points.max(axis=0)
    side = SIDE_PER_BOX * (high - low).max()
    origin = np.round((low + high) / 2 - side / 2)
    corners = np.concatenate([origin, origin + np.round(side)])
    return np.clip(corners, 0, [width, height, width, height]).astype(np.float32)


def _read_mat(path: Path) -> tuple[Float32[np.ndarray, "68 3"], float]:
    """Points in our pixel convention, and yaw in degrees, of one original annotation file."""
    content = read_mat_arrays(path, {"pt3d_68": (3, 68), "Pose_Para": (1, 7)})
    points, pose = content["pt3d_68"], content["Pose_Para"]
    points68_px = to_pixel_centre_convention(np.ascontiguousarray(points.T, dtype=np.float32))
    return points68_px, float(np.degrees(pose.ravel()[1]))


def _picture_size(path: Path) -> tuple[int, int]:
    """Width and height, from the file's header."""
    try:
        with Image.open(path) as picture:
            return picture.size
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f"{path}: expected a picture, cannot read it ({error}).") from error
