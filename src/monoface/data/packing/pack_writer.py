"""Writes packs: pictures into `images-N.tar`, a tar a few dozen megabytes each, labels into `labels.npz`."""

import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from monoface.core.errors import DataError
from monoface.core.file_sets import Moves, staged_in
from monoface.core.files import refuse_existing, write_atomically
from monoface.core.names import one_line
from monoface.core.progress import say, track
from monoface.data.packing.original_photo import LabelValue, LeftOut, OriginalPhoto

LABELS_FILE = "labels.npz"
_TAR_BYTES = 2**25
_TAR_NAME_BYTES = 100


@dataclass
class _Archives:
    """Members of the tar that is being filled, and what the tars before it hold.

    Attributes:
        folder: Where the tars go.
        number: Of the tar that is being filled.
        members: Its members' names and bytes.
        size: Bytes of the members.
        names: Of all members of all tars.
    """

    folder: Path
    number: int = 0
    members: list[tuple[str, bytes]] = field(default_factory=list)
    size: int = 0
    names: set[str] = field(default_factory=set)

    def add(self, name: str, content: bytes) -> None:
        """Add a member, and write the tar once it is large enough."""
        if "/" in name or "\\" in name or name.startswith(".") or name in self.names:
            raise DataError(f"{name}: expected a plain name that no other photo of the pack has.")
        if len(name.encode()) > _TAR_NAME_BYTES:
            raise DataError(f"{name}: expected a name of at most {_TAR_NAME_BYTES} bytes. Rename the photo.")
        self.names.add(name)
        self.members.append((name, content))
        self.size += len(content)
        if self.size >= _TAR_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the tar, if it has a member."""
        if not self.members:
            return
        members = self.members
        write_atomically(self.folder / f"images-{self.number}.tar", lambda file: _write_tar(file, members))
        self.number, self.members, self.size = self.number + 1, [], 0


def write_pack(
    photos: Iterable[OriginalPhoto | LeftOut],
    out: Path,
    dtypes: Mapping[str, type[np.generic]],
    *,
    constants: Mapping[str, np.ndarray] | None = None,
    quality: int = 92,
) -> int:
    """Write photos as a pack that the readers of `data.sources` open.

    Of photos that are left out a line is told each, and how many they are in the end. All files appear
    together once the last is written. Memory: one tar's pictures, and the labels.

    Args:
        photos: Read one at a time.
        out: Folder of the pack, made if there is none.
        dtypes: Kinds of the arrays of labels; every photo must have these and no others. A pack without
            labels has no `labels.npz`.
        constants: Arrays of `labels.npz` that do not count the photos.
        quality: Of the WebP pictures, 1 to 100; 100 is lossless.

    Returns:
        How many photos were written.

    Raises:
        OutputExistsError: If there is a pack in the folder.
        DataError: If there is no photo, two have one key, or a key is too long for a tar.
        OSError: If the files cannot be written; then there is none.
    """
    refuse_existing(out / LABELS_FILE, *sorted(out.glob("images-*.tar")))
    with staged_in(out) as stage:
        count = _write_files(photos, stage, out, dtypes, constants or {}, quality)
        # The labels last, for a folder without them is not whole.
        names = sorted((path.name for path in stage.iterdir()), key=lambda name: (name == LABELS_FILE, name))
        with Moves(stage) as moves:
            for name in names:
                moves.add(stage / name, out / name)
    return count


def _write_files(
    photos: Iterable[OriginalPhoto | LeftOut],
    folder: Path,
    out: Path,
    dtypes: Mapping[str, type[np.generic]],
    constants: Mapping[str, np.ndarray],
    quality: int,
) -> int:
    """Write the files of a pack into a folder; returns how many photos it has. `out` is for messages."""
    archives = _Archives(folder)
    keys: list[str] = []
    columns: dict[str, list[LabelValue]] = {name: [] for name in dtypes}
    left_out: list[LeftOut] = []
    for photo in track(photos, "packing", "photos"):
        if isinstance(photo, LeftOut):
            say(one_line(f"left out: {photo.reason}"))
            left_out.append(photo)
            continue
        archives.add(f"{photo.key}.webp", _encode(photo.image, "WEBP", quality))
        if photo.mask is not None:
            archives.add(f"{photo.key}_mask.png", _encode(photo.mask, "PNG", quality))
        keys.append(photo.key)
        for name, column in columns.items():
            column.append(photo.labels[name])
    if not keys:
        told = f"none of {len(left_out)} that can be read ({left_out[0].reason})" if left_out else "none"
        raise DataError(f"{out}: expected at least one photo to pack, found {told}. Check --from.")
    if left_out:
        say(f"{len(left_out)} of {len(left_out) + len(keys)} photos or clips are left out.")
    archives.flush()
    if dtypes or constants:
        arrays = {
            name: np.array(column) if dtypes[name] is np.str_ else np.array(column, dtype=dtypes[name])
            for name, column in columns.items()
        }
        write_arrays(folder / LABELS_FILE, {"key": np.array(keys), **arrays, **constants})
    return len(keys)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an `.npz` whole or not at all.

    Raises:
        OutputExistsError: If the file exists.
    """
    write_atomically(path, lambda file: np.savez_compressed(file, **dict(arrays)))  # type: ignore[arg-type]


def _encode(pixels: np.ndarray, image_format: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    lossless = {"lossless": True} if quality == 100 else {"quality": quality}
    options = lossless if image_format == "WEBP" else {}
    Image.fromarray(pixels).save(buffer, format=image_format, **options)
    return buffer.getvalue()


def _write_tar(file: BinaryIO, members: Iterable[tuple[str, bytes]]) -> None:
    # No times and no owners, so that the same photos give the same bytes.
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
