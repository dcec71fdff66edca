"""Output files that appear whole or not at all."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from monoface.core.errors import OutputExistsError


def write_atomically(
    path: Path, content: bytes | Callable[[BinaryIO], object], *, overwrite: bool = False
) -> None:
    """Write a file beside its place, then move it there in one step.

    Whoever looks at `path` sees what was there before, or the whole new content. When writing fails or is
    interrupted, the file beside it is removed; only a killed process leaves one (`.monoface-….part`).
    Missing parent folders are made.

    Args:
        path: Where the file shall be.
        content: Its bytes, or a function that writes them to an open file.
        overwrite: Whether a file that exists may be replaced.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        OSError: If the folder cannot be made or written to, or the disk is full.
    """
    if not overwrite:
        refuse_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not named after the file, whose name may be as long as the file system allows.
    beside = path.with_name(f".monoface-{secrets.token_hex(6)}.part")
    try:
        with beside.open("xb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                content(file)
        # Again, because another process may have been faster while the content was made.
        if not overwrite:
            refuse_existing(path)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def refuse_existing(*paths: Path) -> None:
    """Check that none of several outputs exists, before any work goes into them.

    Raises:
        OutputExistsError: If one does.
    """
    for path in paths:
        if path.exists() or path.is_symlink():
            raise OutputExistsError(
                f"{path}: expected no file there, found one. Allow overwriting or choose another place."
            )
