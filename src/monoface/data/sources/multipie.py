"""Photos named as those of CMU Multi-PIE: one person from several cameras at one moment.

    001_01_01_051_07.png    subject, session, recording, camera and flash, anywhere in the folder
    001_01_01_051_07.pts    its landmarks; or .csv, .npz, see `annotated_face.FilesBeside`

Photos of one subject, session, recording and flash are views of one face under one light. Photos without
landmarks are left out: nothing says where the face is.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from monoface.core.errors import DataError
from monoface.data.sources.annotated_face import AnnotatedFace, FilesBeside
from monoface.data.sources.archive import FolderImages

CAMERA_YAW_DEG = {
    "110": 90.0, "120": 75.0, "090": 60.0, "080": 45.0, "130": 30.0, "140": 15.0, "051": 0.0,
    "050": -15.0, "041": -30.0, "190": -45.0, "200": -60.0, "010": -75.0, "240": -90.0,
}  # fmt: skip
"""Nominal turn of the head in the thirteen cameras at its height.

Which way the turn goes is not certain. Nothing depends on it but the order of the views, left or right.
"""

_NAME = re.compile(r"(\d{3})_(\d{2})_(\d{2})_(\d{3})_(\d{2})")
_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class MultiPiePhoto:
    """One photo.

    Attributes:
        key: Its path in the folder.
        image: RGB.
        face: Its landmarks.
        yaw_deg: Nominal turn of the head.
    """

    key: str
    image: UInt8[np.ndarray, "height width 3"]
    face: AnnotatedFace
    yaw_deg: float


class MultiPie:
    """Annotated photos of the thirteen cameras at the height of the head.

    Args:
        folder: Holds the photos, in any subfolders.

    Raises:
        DataError: If there is none with landmarks.

    Reference:
        Gross et al., "Multi-PIE", Image and Vision Computing 2010.
    """

    def __init__(self, folder: Path) -> None:
        beside, images = FilesBeside(folder), FolderImages(folder)
        self._images = images
        self.keys: list[str] = []
        self.faces: list[AnnotatedFace] = []
        cameras, moments = [], []
        for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES):
            name = _NAME.fullmatch(path.stem)
            if name is None or name[4] not in CAMERA_YAW_DEG:
                continue
            key = path.relative_to(folder).as_posix()
            faces = beside.faces(key)
            if len(faces) != 1 or not faces[0].seen:
                continue
            self.keys.append(key)
            self.faces.append(faces[0])
            cameras.append(CAMERA_YAW_DEG[name[4]])
            moments.append((name[1], name[2], name[3], name[5]))
        if not self.keys:
            raise DataError(
                f"{folder}: expected photos such as 001_01_01_051_07.png with landmarks beside, found none."
            )
        number = {moment: place for place, moment in enumerate(dict.fromkeys(moments))}
        self.yaw_deg = np.array(cameras)
        self.moment: Int64[np.ndarray, " photos"] = np.array([number[one] for one in moments], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.keys)

    def image(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Picture of one photo, in RGB."""
        return self._images.decode(self.keys[index])

    def __getitem__(self, index: int) -> MultiPiePhoto:
        yaw_deg = float(self.yaw_deg[index])
        return MultiPiePhoto(self.keys[index], self.image(index), self.faces[index], yaw_deg)
