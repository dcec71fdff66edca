"""MGCNet's training samples in its published layout: three pictures of a face side by side.

    train.txt            a line `FLAG FOLDER ID` for each sample
    FOLDER/ID.jpg        left source, target and right source side by side, squares of equal size
    FOLDER/ID_skin.jpg   how probably each pixel shows skin, in 255ths, likewise
    FOLDER/ID_cam.txt    three lines of camera intrinsics; then, for each picture, a line that is not read and
                         68 lines `x,y`

FLAG is 0 for single pictures that are not compared, 1 for views of one face, 2 for views whose landmarks are
matched. The first pixel's centre is taken to be (0, 0) in the files. Folders may be absolute in the files of
others: only the last part of the path is used then.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from monoface.core.errors import DataError
from monoface.data.sources.archive import decode_rgb, to_pixel_centre_convention

VIEWS = 3
_POINTS = 68
_MAX_BYTES = 2**20
_NUMBERS = re.compile(r"[,\s]+")


@dataclass(frozen=True)
class StripLabels:
    """What is known about the three pictures of a sample.

    Attributes:
        intrinsics: Camera matrix of all three.
        points68_px: Landmarks in pixels of each picture.
    """

    intrinsics: Float64[np.ndarray, "3 3"]
    points68_px: Float32[np.ndarray, "3 68 2"]


@dataclass(frozen=True)
class StripSample:
    """One sample.

    Attributes:
        key: Folder and name.
        images: Left source, target and right source.
        skin: How probably each pixel shows skin, in 255ths; None without a file.
        labels: Landmarks and camera.
        gate: 0 nothing is compared between the pictures, 1 colours and depths, 2 epipolar lines too.
    """

    key: str
    images: UInt8[np.ndarray, "3 side side 3"]
    skin: UInt8[np.ndarray, "3 side side"] | None
    labels: StripLabels
    gate: int


class MgcnetStrips:
    """Samples of a list in the published layout; read one by one, when they are asked for.

    Args:
        folder: Holds the list and the folders that it names.
        listing: Name of the list.

    Raises:
        DataError: If the list is missing, or a line of it is not as described.

    Reference:
        Shang et al., "Self-Supervised Monocular 3D Face Reconstruction by Occlusion-Aware Multi-view
        Geometry Consistency", ECCV 2020; the layout is that of their code's data loader.
    """

    def __init__(self, folder: Path, listing: str = "train.txt") -> None:
        self._folder = folder
        path = folder / listing
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: expected the list of samples, cannot read it ({error}).") from error
        self.keys: list[str] = []
        self.gates: list[int] = []
        for number, line in enumerate(lines, start=1):
            words = line.split()
            if not words:
                continue
            if len(words) != 3 or words[0] not in ("0", "1", "2"):
                raise DataError(
                    f"{path}, line {number}: expected a flag 0, 1 or 2, a folder and a name, got {line!r}."
                )
            self.gates.append(int(words[0]))
            self.keys.append(f"{self._relative(words[1])}/{words[2]}")

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> StripSample:
        key = self.keys[index]
        images = self.images(index)
        skin = self.skin(index)
        if skin is not None and skin.shape != images.shape[:3]:
            raise DataError(f"{key}_skin.jpg: expected {images.shape[:3]}, got {skin.shape}.")
        return StripSample(key, images, skin, self.labels(index), self.gates[index])

    def images(self, index: int) -> UInt8[np.ndarray, "3 side side 3"]:
        """The three pictures of a sample.

        Raises:
            DataError: If there is no such file, or it is no strip of three squares.
        """
        return self._strip(f"{self.keys[index]}.jpg")

    def skin(self, index: int) -> UInt8[np.ndarray, "3 side side"] | None:
        """Where they show skin; None without a file.

        Raises:
            DataError: If the file is no strip of three squares.
        """
        name = f"{self.keys[index]}_skin.jpg"
        return self._strip(name)[..., 0] if (self._folder / name).is_file() else None

    def labels(self, index: int) -> StripLabels:
        """Landmarks and camera of a sample.

        Raises:
            DataError: If the file is missing or not as described.
        """
        path = self._folder / f"{self.keys[index]}_cam.txt"
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise DataError(f"{path}: expected landmarks, got {path.stat().st_size} bytes.")
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
            intrinsics = np.array([_numbers(line) for line in lines[:3]], dtype=np.float64)
            blocks = [lines[start + 1 : start + 1 + _POINTS] for start in range(3, len(lines), 1 + _POINTS)]
            points = np.array([[_numbers(line) for line in block] for block in blocks], dtype=np.float32)
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise DataError(
                f"{path}: expected a camera and landmarks, cannot read them ({error})."
            ) from error
        if intrinsics.shape != (3, 3) or points.shape != (VIEWS, _POINTS, 2):
            raise DataError(
                f"{path}: expected a 3 x 3 camera and {VIEWS} x {_POINTS} points, got {intrinsics.shape} and "
                f"{points.shape}."
            )
        return StripLabels(intrinsics, to_pixel_centre_convention(points))

    def _strip(self, name: str) -> UInt8[np.ndarray, "3 side side 3"]:
        path = self._folder / name
        try:
            strip = decode_rgb(path.read_bytes(), name)
        except OSError as error:
            raise DataError(f"{path}: expected a picture, cannot read it ({error.strerror}).") from error
        side = strip.shape[0]
        if strip.shape[1] != VIEWS * side:
            raise DataError(f"{path}: expected {VIEWS} squares side by side, got {strip.shape[1]} x {side}.")
        return np.ascontiguousarray(strip.reshape(side, VIEWS, side, 3).transpose(1, 0, 2, 3))

    def _relative(self, folder: str) -> str:
        path = PurePosixPath(folder)
        if path.is_absolute() or ".." in path.parts:
            return path.name
        return path.as_posix()


def _numbers(line: str) -> list[float]:
    return [float(word) for word in _NUMBERS.split(line.strip()) if word]
