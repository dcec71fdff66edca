"""Arrays in `.npz` and `.npy` files of strangers: headers are looked at before memory is given to anything.

A header may promise any number of elements, and a compressed member may unfold to a thousand times its size.
So what a file promises is compared with what it can hold, and pickled objects are never read.
"""

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monoface.core.errors import DataError, MonofaceError

MAX_UNFOLDED_BYTES = 2**30
"""What the arrays of a file may take in all, unless the file itself is larger."""

# Truth values, numbers and texts.
_KINDS = "biufUS"
_DAMAGE = (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class ArrayHeader:
    """What a file says of an array.

    Attributes:
        shape: Its shape.
        dtype: Kind of its elements.
        by_columns: Whether its first axis changes fastest.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    by_columns: bool = False

    @property
    def size(self) -> int:
        """Bytes that it promises."""
        return math.prod(self.shape) * self.dtype.itemsize


class NpzArrays:
    """The arrays of an open `.npz` file; each is read when it is asked for.

    Args:
        archive: The file.
        most_bytes: What the arrays that are read may take in all.
    """

    def __init__(self, archive: zipfile.ZipFile, most_bytes: int) -> None:
        self._archive = archive
        self._left = most_bytes
        self.names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def header(self, name: str) -> ArrayHeader:
        """What the file says of an array, of which nothing is read.

        Raises:
            KeyError: If there is no such array.
            ValueError: If it holds anything but truth values, numbers or texts.
        """
        with self._member(name) as file:
            return _read_header(file)

    def __getitem__(self, name: str) -> np.ndarray:
        """Read an array.

        Raises:
            KeyError: If there is no such array.
            ValueError: If it holds anything but truth values, numbers or texts, promises more than the file
                holds, or is too large.
        """
        with self._member(name) as file:
            array = _read_array(file, name, min(self._left, self._archive.getinfo(f"{name}.npy").file_size))
        self._left -= array.nbytes
        return array

    def _member(self, name: str) -> io.BufferedIOBase:
        try:
            return self._archive.open(f"{name}.npy")  # type: ignore[return-value]
        except RuntimeError as error:
            # As zip files say that a member is encrypted, or packed in a way that Python does not know.
            raise ValueError(f"{name}: {error}") from error


@contextmanager
def open_npz(
    path: Path,
    what: str,
    *,
    error: type[MonofaceError] = DataError,
    advice: str = "",
    most_bytes: int = MAX_UNFOLDED_BYTES,
) -> Iterator[NpzArrays]:
    """The arrays of a file; whatever is wrong with them is refused in the same words.

    Args:
        path: The file.
        what: What it should hold, for the error.
        error: What is raised.
        advice: What to do about it, a sentence.
        most_bytes: What the arrays may take in all, unless the file itself is larger.

    Raises:
        MonofaceError: The error given, if the file is missing or damaged, or the body stumbles over a missing
            array or one that is not as it should be.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield NpzArrays(archive, max(most_bytes, path.stat().st_size))
    except _DAMAGE as damage:
        raise error(f"{path}: expected {what}, cannot read it ({damage}). {advice}".rstrip()) from damage


def read_npy(
    path: Path, what: str, *, error: type[MonofaceError] = DataError, advice: str = ""
) -> np.ndarray:
    """The array of an `.npy` file; see `open_npz`.

    Raises:
        MonofaceError: The error given, if the file is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            return _read_array(file, path.name, path.stat().st_size)
    except _DAMAGE as damage:
        raise error(f"{path}: expected {what}, cannot read it ({damage}). {advice}".rstrip()) from damage


def refuse_compressed(content: bytes) -> None:
    """Check that a zip file, as PyTorch writes them, holds what its members promise.

    Args:
        content: The file's.

    Raises:
        ValueError: If members are compressed, or promise more than the file holds.
        zipfile.BadZipFile: If it is no such file.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
    promised = sum(member.file_size for member in members)
    if promised > len(content) or any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError(
            f"expected at most {len(content)} bytes, not compressed, its members promise {promised}"
        )


def _read_header(file: io.BufferedIOBase) -> ArrayHeader:
    version = np.lib.format.read_magic(file)
    # Later formats are for what is refused below, and their headers may be of any length.
    if version != (1, 0):
        raise ValueError(f"expected an array of format 1.0, got {version[0]}.{version[1]}")
    try:
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
    except (SyntaxError, RecursionError, MemoryError, tokenize.TokenError) as error:
        raise ValueError(f"a header that is none: {error}") from error
    if dtype.kind not in _KINDS or not dtype.itemsize or min(shape, default=0) < 0:
        raise ValueError(f"expected numbers or texts, got {dtype} of the shape {shape}")
    return ArrayHeader(shape, dtype, by_columns)


def _read_array(file: io.BufferedIOBase, name: str, most_bytes: int) -> np.ndarray:
    header = _read_header(file)
    if header.size > most_bytes:
        raise ValueError(f"{name}: expected at most {most_bytes} bytes, its header promises {header.size}")
    content = bytearray(header.size)
    view, done = memoryview(content), 0
    while done < header.size and (got := file.readinto(view[done:])):
        done += got
    if done != header.size:
        raise ValueError(f"{name}: expected {header.size} bytes, got {done}")
    flat = np.frombuffer(content, header.dtype)
    return flat.reshape(header.shape, order="F" if header.by_columns else "C")
