"""Shows how far a long command is: a live line on a terminal, plain lines from time to time elsewhere."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from monoface.core.progress import Progress, listening

# Where output is no terminal, a line is written so often.
_PLAIN_EVERY_S = 8.0
# A rate is that of so much time.
_WINDOW_S = 30.0


@contextmanager
def showing_progress(stage: str, *, on_stderr: bool = False) -> Iterator["LiveProgress"]:
    """Show what is announced in the body.

    Args:
        stage: What is being done until something is announced.
        on_stderr: On standard error, where standard output has results.
    """
    console = Console(stderr=on_stderr, highlight=False)
    progress = LiveProgress(console, stage, _PLAIN_EVERY_S)
    with progress, listening(progress):
        yield progress


class LiveProgress:
    """A listener that shows the newest stage: what, how many, how fast, what is measured, how long yet.

    On a terminal one line is redrawn four times a second. Elsewhere a line is written when a stage that
    counts begins, and then every eight seconds, whether or not anything was announced meanwhile.

    Args:
        console: Where to.
        stage: The first stage.
        every_s: Time between lines where there is no terminal.
    """

    def __init__(self, console: Console, stage: str, every_s: float = _PLAIN_EVERY_S) -> None:
        self._console = console
        self._every_s = every_s
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._progress: Progress = Progress(stage)
        self._stages = {stage: _Stage(0)}
        self._wrote_s = time.monotonic()
        self._live: Live | None = None
        self._heart: threading.Thread | None = None

    def __enter__(self) -> "LiveProgress":
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=lambda: Text(self.line(), no_wrap=True, overflow="ellipsis"),
                transient=True,
            )
            self._live.start()
        else:
            self._heart = threading.Thread(target=self._beat, daemon=True)
            self._heart.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        if self._live is not None:
            self._live.stop()
        if self._heart is not None:
            self._heart.join()

    def announced(self, progress: Progress) -> None:
        """Show a stage from now on; see `Listener`."""
        with self._lock:
            self._progress = progress
            stage = self._stages.get(progress.stage)
            if stage is None or progress.done < stage.history[-1][1]:
                self._stages[progress.stage] = _Stage(progress.done)
                if progress.total is not None and stage is None:
                    self._write_plain()
            else:
                stage.advanced(progress.done)

    def said(self, line: str) -> None:
        """Write a line that stays; see `Listener`."""
        with self._lock:
            self._console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)
            self._wrote_s = time.monotonic()

    def line(self) -> str:
        """What is known of the present stage."""
        with self._lock:
            stage = self._stages[self._progress.stage]
            return progress_line(self._progress, time.monotonic() - stage.began_s, stage.rate())

    def _write_plain(self) -> None:
        if self._live is None and not self._console.is_terminal:
            self.said(self.line())

    def _beat(self) -> None:
        while not self._ended.wait(min(0.5, self._every_s / 4)):
            with self._lock:
                if time.monotonic() - self._wrote_s >= self._every_s:
                    self._write_plain()


class _Stage:
    """When a stage began, and how much was done when, over the latest half minute."""

    def __init__(self, done: int) -> None:
        self.began_s = time.monotonic()
        self.history: deque[tuple[float, int]] = deque([(self.began_s, done)])

    def advanced(self, done: int) -> None:
        now = time.monotonic()
        self.history.append((now, done))
        while len(self.history) > 2 and now - self.history[1][0] > _WINDOW_S:
            self.history.popleft()

    def rate(self) -> float | None:
        """How much is done in a second, if anything was."""
        (first_s, first), (last_s, last) = self.history[0], self.history[-1]
        return (last - first) / (last_s - first_s) if last > first and last_s > first_s else None


def progress_line(progress: Progress, elapsed_s: float, rate: float | None) -> str:
    """One line about a stage.

    Args:
        progress: The stage.
        elapsed_s: Since it began.
        rate: How much is done in a second, if that is known.
    """
    counted = progress.total is not None or progress.done > 0
    parts = [f"{progress.stage} {_count(progress)}" if counted else progress.stage]
    if rate is not None:
        unit = f" {progress.unit}" if progress.unit else ""
        parts.append(f"{rate:.3g}{unit}/s" if rate >= 1 else f"{1 / rate:.3g} s each")
    parts += [f"{name} {value:.4g}" for name, value in progress.values.items()]
    left_s = progress.left_s
    if left_s is None and rate is not None and progress.total is not None:
        left_s = (progress.total - progress.done) / rate
    parts.append(f"{duration(elapsed_s)} so far" if left_s is None else f"{duration(left_s)} left")
    return " · ".join(parts)


def _count(progress: Progress) -> str:
    unit = f" {progress.unit}" if progress.unit else ""
    return f"{progress.done}{unit}" if progress.total is None else f"{progress.done}/{progress.total}{unit}"


def duration(seconds: float) -> str:
    """A time as people say it: `42 s`, `3 min 05 s`, `2 h 07 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
