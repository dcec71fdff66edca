"""Several files that belong together: they appear, or take the place of others, all or none."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from monoface.core.files import Content, hidden_beside, move_to_free_place, refuse_existing, write_atomically


@contextmanager
def staged_in(folder: Path) -> Iterator[Path]:
    """A hidden folder in another one, for files that are to be moved there together.

    It is removed at the end with all that is still in it; only a killed process leaves one.

    Raises:
        OSError: If it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stage = hidden_beside(folder / "any")
    stage.mkdir()
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


class Moves:
    """Changes of a folder that are undone when one of them fails; a context manager.

    Args:
        stage: A folder on the same file system, where files that are replaced are kept for that time.
    """

    def __init__(self, stage: Path) -> None:
        self._stage = stage
        self._undo: list[Callable[[], object]] = []

    def __enter__(self) -> "Moves":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for undo in reversed(self._undo):
                with suppress(OSError):
                    undo()

    def add(self, source: Path, target: Path) -> None:
        """Move a file to where there is none.

        Raises:
            OutputExistsError: If there is one.
            OSError: If it cannot be moved.
        """
        move_to_free_place(source, target)
        self._undo.append(target.unlink)

    def replace(self, source: Path, target: Path) -> None:
        """Move a file to where one may be.

        Raises:
            OSError: If it cannot be moved.
        """
        existed, kept = os.path.lexists(target), self._keep(target)
        os.replace(source, target)
        if kept:
            self._undo.append(lambda: os.replace(kept, target))
        elif not existed:
            self._undo.append(target.unlink)

    def remove(self, target: Path) -> None:
        """Remove a file, if there is one.

        Raises:
            OSError: If it cannot be removed.
        """
        kept = self._keep(target)
        target.unlink(missing_ok=True)
        if kept:
            self._undo.append(lambda: os.replace(kept, target))

    def _keep(self, target: Path) -> Path | None:
        """A second name of a file; None if there is no file, or the file system knows no second names."""
        kept = self._stage / f".kept-{len(self._undo)}"
        try:
            os.link(target, kept)
        except OSError:
            return None
        return kept


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes and threads out of their own `alone_in` of a folder.

    The lock ends with the process, however it ends, and leaves no file. Where the system has none (Windows,
    some network file systems) nobody is kept out.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_together(files: Mapping[Path, Content], *, overwrite: bool = False) -> None:
    """Write files of one folder so that all of them appear, the last one last, or none.

    Args:
        files: What to write by path.
        overwrite: Whether files that exist may be replaced.

    Raises:
        OutputExistsError: If one exists and `overwrite` is false.
        OSError: If one cannot be written.
    """
    if not overwrite:
        refuse_existing(*files)
    folder = next(iter(files)).parent
    with staged_in(folder) as stage:
        for path, content in files.items():
            write_atomically(stage / path.name, content)
        with Moves(stage) as moves:
            move = moves.replace if overwrite else moves.add
            for path in files:
                move(stage / path.name, path)
