"""Output files that appear whole or not at all."""

import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from monoface.core.errors import OutputExistsError
from monoface.core.names import one_line

Content = bytes | str | Callable[[BinaryIO], object]
"""Of a file: its bytes, its text, or a function that writes it to an open file."""


def write_atomically(path: Path, content: Content, *, overwrite: bool = False) -> None:
    """Write a file beside its place, then move it there in one step.

    Whoever looks at `path` sees what was there before, or the whole new content. When writing fails or is
    interrupted, the file beside it is removed; only a killed process leaves one (`.monoface-….part`).
    Missing parent folders are made.

    Args:
        path: Where the file shall be.
        content: Its bytes, its text (written as UTF-8; what that cannot hold, as escapes), or a function that
            writes them to an open file.
        overwrite: Whether a file that exists may be replaced.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false. Of two processes that write one file
            at once, one gets its place and the other one this error.
        OSError: If the folder cannot be made or written to, or the disk is full.
    """
    if not overwrite:
        refuse_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = hidden_beside(path)
    try:
        with beside.open("xb") as file:
            if isinstance(content, str):
                content = content.encode("utf-8", "backslashreplace")
            if isinstance(content, bytes):
                file.write(content)
            else:
                content(file)
        if overwrite:
            os.replace(beside, path)
        else:
            move_to_free_place(beside, path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def hidden_beside(path: Path) -> Path:
    """A name in the same folder that nobody else has, for what is not finished."""
    # Not named after the file, whose name may be as long as the file system allows.
    return path.with_name(f".monoface-{secrets.token_hex(6)}.part")


def move_to_free_place(source: Path, target: Path) -> None:
    """Move a file within a file system, to a place where there is none.

    Raises:
        OutputExistsError: If there is one, however short a time ago another process made it.
        OSError: If the folder cannot be written to.
    """
    try:
        # Unlike renaming, this never replaces a file.
        os.link(source, target)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENAMETOOLONG):
            raise
        _move_without_links(source, target)
    else:
        source.unlink()


def _move_without_links(source: Path, target: Path) -> None:
    """Where a file system knows no second names: an empty file claims the place for a moment."""
    try:
        target.open("xb").close()
    except FileExistsError:
        raise _exists(target) from None
    try:
        os.replace(source, target)
    except BaseException:
        target.unlink()
        raise


def refuse_existing(*paths: Path) -> None:
    """Check that none of several outputs exists, before any work goes into them.

    Raises:
        OutputExistsError: If one does.
    """
    for path in paths:
        if os.path.lexists(path):
            raise _exists(path)


def _exists(path: Path) -> OutputExistsError:
    return OutputExistsError(
        f"{one_line(str(path))}: expected no file there, found one. "
        "Allow overwriting or choose another place."
    )
