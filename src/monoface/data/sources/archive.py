"""The common ground of the image sources: tar archives of pictures, and arrays of labels.

Archives are never unpacked. A member's bytes are read by position, with no file left open, so one
archive object can be used by several threads, forked and spawned data-loader workers at once.
"""

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, UnidentifiedImageError

from monoface.core.array_files import ArrayHeader, open_npz
from monoface.core.errors import DataError

PIXEL_CENTRE_PX = 0.5
"""Added to annotated points: their first pixel's centre is at (0, 0), ours at (0.5, 0.5)."""


@dataclass(frozen=True)
class LabelSpec:
    """What an array of labels must look like.

    Attributes:
        kinds: Accepted numpy kinds: "f" floating, "i" signed integer, "U" text.
        shape: Its axes after the first, which counts the photos.
        per_photo: Whether the first axis counts the photos; False for arrays such as class names.
        optional: Whether the array may be missing.
    """

    kinds: str
    shape: tuple[int, ...] = ()
    per_photo: bool = True
    optional: bool = False


@dataclass(frozen=True)
class _Member:
    """Where the bytes of one archived file lie."""

    path: Path
    offset: int
    size: int


class TarImages:
    """Pictures in the `images-N.tar` files of a folder, by member name.

    Args:
        folder: Holds one or more plain (not compressed) tar files.

    Raises:
        DataError: If there is no archive, or one is damaged, or two members have one name.
    """

    def __init__(self, folder: Path) -> None:
        paths = sorted(folder.glob("images-*.tar"))
        if not paths:
            raise DataError(
                f"{folder}: expected images-0.tar (and so on), found none. Check the data folder."
            )
        self._members: dict[str, _Member] = {}
        for path in paths:
            self._index(path)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all members, in the order of the archives."""
        return tuple(self._members)

    def read_bytes(self, name: str) -> bytes:
        """Bytes of one member.

        Raises:
            DataError: If there is no such member, or the archive became shorter since it was indexed.
        """
        if name not in self._members:
            raise DataError(f"{name}: not in the archive, which has {len(self)} members.")
        member = self._members[name]
        with member.path.open("rb") as file:
            file.seek(member.offset)
            content = file.read(member.size)
        if len(content) != member.size:
            raise DataError(
                f"{member.path}, {name}: expected {member.size} bytes, got {len(content)}. Fetch it again."
            )
        return content

    def decode(self, name: str) -> UInt8[np.ndarray, "height width 3"]:
        """One picture in RGB.

        Raises:
            DataError: If there is no such member, or it is no readable picture.
        """
        return decode_rgb(self.read_bytes(name), name)

    def _index(self, path: Path) -> None:
        end_of_file = path.stat().st_size
        try:
            with tarfile.open(path, "r:") as archive:
                for entry in archive:
                    self._add(path, entry, end_of_file)
                end_of_members = archive.offset
        except tarfile.TarError as error:
            raise DataError(f"{path}: expected a plain tar archive, got {error}. Fetch it again.") from error

        # tarfile takes a cut-off header for the end; a whole archive ends with a block of zeros.
        with path.open("rb") as file:
            file.seek(end_of_members)
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise DataError(f"{path}: ends without the mark of its end. Fetch it again.")

    def _add(self, path: Path, entry: tarfile.TarInfo, end_of_file: int) -> None:
        name = entry.name
        if not entry.isreg() or "/" in name or "\\" in name or name.startswith("."):
            raise DataError(f"{path}: expected plain files at the top, got the member {name!r}.")
        if entry.offset_data + entry.size > end_of_file:
            raise DataError(f"{path}: ends in the middle of {name!r}. Fetch it again.")
        if name in self._members:
            raise DataError(f"{path}: {name!r} occurs twice (first in {self._members[name].path.name}).")
        self._members[name] = _Member(path, entry.offset_data, entry.size)


class FolderImages:
    """Pictures that lie as files in a folder, by file name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def decode(self, name: str) -> UInt8[np.ndarray, "height width 3"]:
        """One picture in RGB.

        Raises:
            DataError: If there is no such file, or it is no readable picture.
        """
        path = self._folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: expected a picture, cannot read it ({error.strerror}).") from error
        return decode_rgb(content, str(path))


def decode_rgb(content: bytes, name: str) -> UInt8[np.ndarray, "height width 3"]:
    """Picture in RGB from the bytes of an image file; `name` is for the message.

    Raises:
        DataError: If the bytes are no readable picture.
    """
    return _decode(content, name, "RGB")


def decode_class_indices(content: bytes, name: str) -> UInt8[np.ndarray, "height width"]:
    """Picture whose values are class indices, unchanged; `name` is for the message.

    Raises:
        DataError: If the bytes are no readable picture with one channel of 8 bits.
    """
    indices = _decode(content, name, None)
    if indices.ndim != 2 or indices.dtype != np.uint8:
        raise DataError(f"{name}: expected one channel of 8 bits, got {indices.shape} of {indices.dtype}.")
    return indices


def read_labels(path: Path, specs: Mapping[str, LabelSpec]) -> dict[str, np.ndarray]:
    """Arrays of a `labels.npz`, each checked against its specification; other arrays are ignored.

    Args:
        path: The file. Pickled objects in it are refused.
        specs: By array name. `key` (text, one per photo) is always read and need not be named.

    Raises:
        DataError: If the file is missing or damaged, an array is missing or is not as specified, or
            keys repeat.
    """
    specs = {"key": LabelSpec("U"), **specs}
    with open_npz(path, "a readable .npz of plain arrays") as archive:
        absent = specs.keys() - set(archive.names)
        missing = sorted(name for name in absent if not specs[name].optional)
        if missing:
            raise DataError(f"{path}: expected the arrays {sorted(specs)}, lacks {missing}.")
        headers = {name: archive.header(name) for name in specs if name not in absent}
        [count] = headers["key"].shape
        for name, header in headers.items():
            _check_label(path, name, header, specs[name], count)
        labels = {name: archive[name] for name in headers}
    if len(set(labels["key"].tolist())) != count:
        raise DataError(f"{path}: expected one row per key, some keys repeat.")
    return labels


def to_pixel_centre_convention(
    points_px: Float[np.ndarray, "..."], axes: int = 2
) -> Float[np.ndarray, "..."]:
    """Annotated points in our pixel convention: x and y plus 0.5, further axes (depth) unchanged.

    Args:
        points_px: Points whose last axis is x, y and possibly depth. NaN stays NaN.
        axes: How many leading entries of the last axis are pixel coordinates.
    """
    shifted = points_px.copy()
    shifted[..., :axes] += PIXEL_CENTRE_PX
    return shifted


def _check_label(path: Path, name: str, header: ArrayHeader, spec: LabelSpec, count: int) -> None:
    expected = (count, *spec.shape) if spec.per_photo else spec.shape
    if header.dtype.kind not in spec.kinds or header.shape != expected:
        raise DataError(
            f"{path}, {name}: expected kind {spec.kinds!r} and shape {expected}, "
            f"got {header.dtype} and {header.shape}."
        )


def _decode(content: bytes, name: str, mode: str | None) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            # A copy, because Pillow's own memory is read-only.
            return np.array(picture.convert(mode) if mode else picture)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{name}: expected a picture, cannot decode it ({error}).") from error
