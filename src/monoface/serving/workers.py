"""A process that reconstructs for the server: it may take long or be killed, and the server goes on."""

import multiprocessing
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from monoface.serving.uploads import Mode

Result = dict[str, Any]
"""What became of a photo, or of several together: `photo`, `status`, `reason`, `files`."""


class WorkerError(Exception):
    """A worker did not answer: it died, or took too long."""


@dataclass(frozen=True)
class Task:
    """What a worker does.

    Attributes:
        folder: Has the photos in `in`, under their numbers, and gets results in `out`.
        names: What the photos are called.
        mode: What they are to each other.
    """

    folder: Path
    names: tuple[str, ...]
    mode: Mode


Work = Callable[[Task, Callable[[Result], None]], None]
"""Does a task, and tells each result as soon as its files are written."""


class Worker:
    """A process that does one task after the other.

    Args:
        make_work: Makes, in the process, what does tasks; a function of a module.
    """

    def __init__(self, make_work: Callable[[], Work]) -> None:
        self._make_work = make_work
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        # The thread that waits for results may start the process while another one ends it.
        self._lock = threading.Lock()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Number of the process; None if there is none."""
        return None if self._process is None else self._process.pid

    def run(self, task: Task, seconds: float, tell: Callable[[Result], None]) -> None:
        """Do a task; starts a process where there is none.

        Args:
            task: What is to be done.
            seconds: Longest time between two results.
            tell: Gets each result; called by the thread that called this.

        Raises:
            WorkerError: If the process died or took too long. Then it is gone; the next task starts another.
        """
        pipe = self._started()
        try:
            pipe.send(task)
            while True:
                if not pipe.poll(seconds):
                    raise WorkerError(f"it took more than {seconds:.0f} seconds")
                answer = pipe.recv()
                if answer is None:
                    return
                tell(answer)
        except (EOFError, OSError) as error:
            self.stop()
            raise WorkerError("the process that worked on it was ended; send it again") from error
        except WorkerError:
            self.stop()
            raise

    def close(self) -> None:
        """End the process for good: no task starts another."""
        with self._lock:
            self._closed = True
        self.stop()

    def stop(self) -> None:
        """End the process, whatever it does."""
        with self._lock:
            process, self._process = self._process, None
            pipe, self._pipe = self._pipe, None
        if process is not None:
            process.kill()
            process.join()
        if pipe is not None:
            pipe.close()

    def _started(self) -> Connection:
        if self._process is not None and not self._process.is_alive():
            self.stop()
        with self._lock:
            if self._closed:
                raise WorkerError("the server is stopping")
            if self._pipe is None:
                context = multiprocessing.get_context("spawn")
                pipe, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, self._make_work), daemon=True)
                process.start()
                theirs.close()
                self._process, self._pipe = process, pipe
            return self._pipe


def reconstructing() -> Work:
    """What a worker of the real server does; loads the networks, so no other process calls it."""
    from monoface.serving.reconstructing import make_work

    return make_work()


def _serve(pipe: Connection, make_work: Callable[[], Work]) -> None:
    """Do tasks until the server is gone."""
    # Ctrl-C at a terminal goes to all processes; the server ends this one when it is through.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work = make_work()
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        work(task, pipe.send)
        pipe.send(None)
