"""The photos of a command, one after the other: skipped, written or failed, and a line for each."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from monoface.cli.console.progress import PhotoReport
from monoface.cli.origins import origin_of
from monoface.cli.outputs import PhotoOutputs
from monoface.core.errors import MonofaceError, OutputExistsError
from monoface.pipeline import PhotoResult, Reconstructor
from monoface.pipeline.writing.result_files import Existing, Origin


@dataclass(frozen=True)
class EarlierResults:
    """What becomes of results of earlier runs.

    Attributes:
        overwrite: They are replaced.
        resume: Those of the same photos and options stay and count; what an interruption left is made anew.
    """

    overwrite: bool = False
    resume: bool = False

    @property
    def existing(self) -> Existing:
        """What becomes of those that are not finished, or of something else."""
        if self.overwrite:
            return "overwrite"
        return "resume" if self.resume else "keep"

    def advised(self, error: OutputExistsError) -> str:
        """What an error says, and what could be asked for instead."""
        return f"{error}, or --resume to skip what is finished" if self.existing == "keep" else str(error)


@dataclass(frozen=True, eq=False)
class _Job:
    """A photo, where its results go, and what they are made from."""

    photo: Path
    files: PhotoOutputs
    origin: Origin


class PhotoBatch:
    """Reconstructs photos and writes their results as they are ready.

    Args:
        reconstructor: What reconstructs; it reads and searches as many photos at a time as it has threads,
            while as many are textured, encoded and written.
        outputs: Where the results of each photo go.
        earlier: What becomes of earlier ones.
        report: Gets a line for each photo.
    """

    def __init__(
        self,
        reconstructor: Reconstructor,
        outputs: Sequence[tuple[Path, PhotoOutputs]],
        earlier: EarlierResults,
        report: PhotoReport,
    ) -> None:
        self._reconstructor = reconstructor
        self._outputs = outputs
        self._earlier = earlier
        self._report = report
        self._taken: deque[_Job] = deque()
        self._waiting: deque[tuple[_Job, PhotoResult, Future[None]]] = deque()
        self._done = 0
        self._fine = 0
        self._made = 0

    def run(self) -> int:
        """Work through all photos; returns how many are fine.

        Raises:
            KeyboardInterrupt: If interrupted; its text says how to go on.
        """
        at_a_time = self._reconstructor.config.threads
        start = time.perf_counter()
        try:
            with _finishing(ThreadPoolExecutor(at_a_time)) as writers:
                for result in self._reconstructor.reconstruct_many(self._take()):
                    job = self._taken.popleft()
                    written = writers.submit(job.files.write, result, job.origin, self._earlier.existing)
                    self._waiting.append((job, result, written))
                    self._tell_written(at_a_time)
                self._tell_written(0)
        except KeyboardInterrupt:
            self._waiting = deque(one for one in self._waiting if not one[2].cancelled())
            self._tell_written(0)
            again = "" if self._earlier.resume else " with --resume"
            raise KeyboardInterrupt(
                f"{self._done} of {len(self._outputs)} photos are done; the same command{again} goes on"
            ) from None
        self._report.finished(self._made, time.perf_counter() - start)
        return self._fine

    def _take(self) -> Iterator[Path]:
        """Photos that are to be reconstructed; the others get their lines."""
        for photo, files in self._outputs:
            chosen = {"formats": list(files.formats), "dense": files.dense}
            origin = origin_of([photo], self._reconstructor, chosen)
            results = files.results(origin)
            finished = results.finished() if self._earlier.resume else None
            if finished is not None:
                self._tell(photo, str(finished["status"]), f"{finished.get('reason')} (finished before)")
                continue
            try:
                results.check(files.certain_names, self._earlier.existing)
            except OutputExistsError as error:
                self._tell(photo, "failed", self._earlier.advised(error))
                continue
            self._taken.append(_Job(photo, files, origin))
            yield photo

    def _tell_written(self, left: int) -> None:
        """Wait until all results but the last ones are written, and say so."""
        while len(self._waiting) > left:
            job, result, written = self._waiting.popleft()
            self._made += 1
            try:
                written.result()
            except OutputExistsError as error:
                self._tell(job.photo, "failed", self._earlier.advised(error))
            except OSError as error:
                self._tell(job.photo, "failed", f"the results cannot be written ({error.strerror or error})")
            except MonofaceError as error:
                self._tell(job.photo, "failed", str(error))
            except MemoryError:
                self._tell(job.photo, "failed", "the results do not fit into memory")
            else:
                self._tell(job.photo, result.status, result.reason)

    def _tell(self, photo: Path, status: str, reason: str) -> None:
        self._report.photo_done(photo, status, reason)
        self._done += status != "failed"
        self._fine += status == "ok"


@contextmanager
def _finishing(pool: ThreadPoolExecutor) -> Iterator[ThreadPoolExecutor]:
    """On the way out, at an interrupt too, ends what is being written and drops what is not begun."""
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
