"""What commands that read photos say of each, and how they end."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from monoface.core.errors import ConfigError
from monoface.core.names import one_line

ALL_FINE, SOME_FAILED, NOTHING_USABLE = 0, 3, 4


class PhotoReport:
    """Writes what became of each photo, on standard output, with a progress bar on a terminal."""

    def __init__(self, console: Console, progress: Progress | None, total: int) -> None:
        self._console = console
        self._progress = progress
        self._task = progress.add_task("", total=total) if progress else None

    def photo_done(self, photo: Path, status: str, reason: str) -> None:
        """One line for one photo."""
        line = f"{status:<14} {photo}  {reason}"
        # File names may hold line breaks and bytes that no encoding knows.
        encoding = self._console.encoding or "utf-8"
        plain = one_line(line).encode(encoding, "backslashreplace").decode(encoding)
        self._console.print(plain, markup=False, highlight=False, emoji=False, soft_wrap=True)
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)

    def finished(self, photos: int, seconds: float) -> None:
        """A line on standard error that says how fast several photos were."""
        if photos > 1:
            rate = photos / max(seconds, 1e-9)
            print(f"{photos} photos in {seconds:.1f} s, {rate:.1f} photos/s", file=sys.stderr, flush=True)


@contextmanager
def showing_photos(total: int) -> Iterator[PhotoReport]:
    """A report on so many photos."""
    console = Console(file=sys.stdout)
    if total == 1 or not console.is_terminal:
        yield PhotoReport(console, None, total)
        return
    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console) as progress:
        yield PhotoReport(console, progress, total)


def exit_code(fine: int, total: int) -> int:
    """Exit code of a command by how many photos are fine."""
    if fine == total:
        return ALL_FINE
    return SOME_FAILED if fine else NOTHING_USABLE


def make_folder(path: Path) -> None:
    """Make the folder for results.

    Raises:
        ConfigError: If that cannot be done.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"--out {path}: expected a folder, but it cannot be made ({error.strerror})."
        ) from error
