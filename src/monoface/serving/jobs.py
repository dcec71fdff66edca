"""Jobs of a server: what became of each, who waits for news of it, and when it goes."""

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from monoface.serving.limits import RefusedError, ServeLimits
from monoface.serving.uploads import Mode, Upload

State = Literal["queued", "working", "done", "failed"]
ENDED: tuple[State, ...] = ("done", "failed")
# Comments in an event stream keep connections open through proxies.
_HEARTBEAT_SECONDS = 15.0


@dataclass(eq=False)
class Job:
    """One request that was taken.

    Attributes:
        id: What it is called; cannot be guessed.
        mode: What its photos are to each other.
        names: What its photos are called, for people to read.
        folder: Its files: `in/0` and so on until it ends, `out` for results.
        state: How far it is.
        reason: Why it failed.
        results: What became of each photo, or of all together.
        ended: When it ended, by the monotonic clock.
    """

    id: str
    mode: Mode
    names: tuple[str, ...]
    folder: Path
    state: State = "queued"
    reason: str = ""
    results: list[dict[str, Any]] = field(default_factory=list)
    ended: float | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _end: asyncio.Event = field(default_factory=asyncio.Event)

    def told(self) -> dict[str, Any]:
        """What the API says of it."""
        return {
            "id": self.id,
            "state": self.state,
            "reason": self.reason,
            "mode": self.mode,
            "photos": list(self.names),
            "results": list(self.results),
            "files": [name for result in self.results for name in result["files"]],
        }

    def change(self, state: State, reason: str = "") -> None:
        """Go on to another state, and wake who waits."""
        self.state, self.reason = state, reason
        if state in ENDED:
            self.ended = time.monotonic()
            self._end.set()
            shutil.rmtree(self.folder / "in", ignore_errors=True)
        self._wake()

    def add(self, result: dict[str, Any]) -> None:
        """Note what became of a photo, and wake who waits."""
        self.results.append(result)
        self._wake()

    def file(self, name: str) -> Path:
        """Path of a result.

        Raises:
            RefusedError: If the job has no such result.
        """
        # Compared with what there is: no path is made of what somebody asks for.
        for known in self.told()["files"]:
            if known == name:
                return self.folder / "out" / known
        raise RefusedError(404, "this job has no such file")

    async def wait(self, seconds: float) -> None:
        """Wait until it ends, and no longer than so many seconds."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), seconds)

    async def news(self) -> AsyncIterator[dict[str, Any] | None]:
        """What is told of it, at each change until it ends; None where nothing changed for a while."""
        while True:
            # Both before it is told: the job goes on while somebody takes the news.
            news, ended = self._news, self.state in ENDED
            yield self.told()
            if ended:
                return
            while not news.is_set():
                try:
                    await asyncio.wait_for(news.wait(), _HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield None

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class JobStore:
    """All jobs, and the folder that has their files.

    Args:
        folder: Empty, and nobody else's.
        limits: How many there may be, and for how long.
    """

    def __init__(self, folder: Path, limits: ServeLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._jobs: dict[str, Job] = {}
        self.waiting: asyncio.Queue[Job] = asyncio.Queue(limits.queue)

    def add(self, upload: Upload) -> Job:
        """Take a request; its photos are written under numbers.

        Raises:
            RefusedError: 429 if too many jobs wait.
        """
        self.forget_old()
        if self.waiting.full():
            raise RefusedError(
                429, f"{self._limits.queue} jobs wait already; try again soon", retry_seconds=5
            )
        name = secrets.token_urlsafe(16)
        job = Job(name, upload.mode, upload.names, self._folder / name)
        (job.folder / "in").mkdir(parents=True)
        (job.folder / "out").mkdir()
        for number, photo in enumerate(upload.photos):
            (job.folder / "in" / str(number)).write_bytes(photo)
        self._jobs[job.id] = job
        self.waiting.put_nowait(job)
        return job

    def get(self, name: str) -> Job:
        """The job of that name.

        Raises:
            RefusedError: 404 if there is none, or none any more.
        """
        self.forget_old()
        if name not in self._jobs:
            raise RefusedError(404, "there is no such job; results are kept for a limited time")
        return self._jobs[name]

    def remove(self, job: Job) -> None:
        """Forget a job and its files.

        Raises:
            RefusedError: 409 if it has not ended.
        """
        if job.state not in ENDED:
            raise RefusedError(409, "the job has not ended")
        self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def forget_old(self) -> None:
        """Remove what was kept for long enough, and the oldest where there are too many."""
        for job in list(self._outlived()):
            self.remove(job)

    def _outlived(self) -> Iterator[Job]:
        ended = [job for job in self._jobs.values() if job.ended is not None]
        since = time.monotonic() - self._limits.keep_seconds
        too_many = max(0, len(ended) - self._limits.jobs)
        for number, job in enumerate(sorted(ended, key=lambda one: one.ended or 0.0)):
            if number < too_many or (job.ended or 0.0) < since:
                yield job
