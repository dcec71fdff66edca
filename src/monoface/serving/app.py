"""The server: its addresses, and the workers that wait for jobs."""

import asyncio
import contextlib
import io
import json
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from monoface.core.version import VERSION
from monoface.serving.guard import Guard, UploadLimit, refusal
from monoface.serving.jobs import ENDED, Job, JobStore
from monoface.serving.limits import RefusedError, ServeLimits
from monoface.serving.openapi import openapi
from monoface.serving.uploads import read_upload
from monoface.serving.workers import Result, Task, Work, Worker, WorkerError

_LONGEST_WAIT_SECONDS = 60.0
# Pages of results hold scripts: they run as somebody without a name, who may read nothing of this server.
_PAGE_POLICY = "sandbox allow-scripts allow-downloads allow-modals; frame-ancestors 'self'"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".glb": "model/gltf-binary",
    ".json": "application/json",
    ".png": "image/png",
}


class Server:
    """Jobs, workers and what answers requests.

    Args:
        make_work: Makes what does tasks, in a process of its own.
        limits: What is taken from strangers.
        workers: Number of processes.
        token: What requests must show; none where only this machine can ask.
    """

    def __init__(
        self, make_work: Callable[[], Work], limits: ServeLimits, workers: int = 1, token: str | None = None
    ) -> None:
        self.limits = limits
        self.workers = [Worker(make_work) for _ in range(workers)]
        self._jobs: JobStore | None = None
        self._reading = 0
        self._page = (
            resources.files("monoface.serving").joinpath("bundle/app.html").read_text(encoding="utf-8")
        )
        self.app = Starlette(
            routes=[
                Route("/", self._front),
                Route("/v1/reconstruct", self._reconstruct, methods=["POST"]),
                Route("/v1/jobs/{job}", self._job),
                Route("/v1/jobs/{job}", self._remove, methods=["DELETE"]),
                Route("/v1/jobs/{job}/events", self._events),
                Route("/v1/jobs/{job}/all.zip", self._zip),
                Route("/v1/jobs/{job}/files/{name}", self._file),
                Route("/v1/health", self._health),
                Route("/v1/openapi.json", self._openapi),
            ],
            middleware=[Middleware(Guard, token=token), Middleware(UploadLimit, limits=limits)],
            exception_handlers={RefusedError: refusal, HTTPException: refusal},
            lifespan=self._alive,
        )

    @property
    def jobs(self) -> JobStore:
        """The jobs.

        Raises:
            RefusedError: 503 if the server does not run, or not any more.
        """
        if self._jobs is None:
            raise RefusedError(503, "the server is stopping", retry_seconds=30)
        return self._jobs

    @contextlib.asynccontextmanager
    async def _alive(self, _: Starlette) -> AsyncIterator[None]:
        """Runs the workers as long as the server runs, then removes all files."""
        with tempfile.TemporaryDirectory(prefix="monoface-serve-", ignore_cleanup_errors=True) as folder:
            self._jobs = JobStore(Path(folder), self.limits)
            tasks = [asyncio.create_task(self._work(worker, self._jobs)) for worker in self.workers]
            tasks.append(asyncio.create_task(self._forget(self._jobs)))
            try:
                yield
            finally:
                self._jobs = None
                for task in tasks:
                    task.cancel()
                # Ended before their threads are waited for, which wait for them.
                for worker in self.workers:
                    worker.close()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, worker: Worker, jobs: JobStore) -> None:
        """Do one job after the other."""
        loop = asyncio.get_running_loop()
        while True:
            job = await jobs.waiting.get()
            job.change("working")
            task = Task(job.folder, job.names, job.mode)
            # Several photos together are one step.
            steps = len(job.names) if job.mode == "together" else 1

            def tell(result: Result, job: Job = job) -> None:
                loop.call_soon_threadsafe(partial(job.add, result))

            try:
                await asyncio.to_thread(worker.run, task, steps * self.limits.job_seconds, tell)
            except WorkerError as error:
                job.change("failed", str(error))
            else:
                job.change("done")

    async def _forget(self, jobs: JobStore) -> None:
        while True:
            await asyncio.sleep(min(30.0, self.limits.keep_seconds))
            jobs.forget_old()

    async def _front(self, _: Request) -> Response:
        return HTMLResponse(self._page, headers={"Content-Security-Policy": _policy_of(self._page)})

    async def _reconstruct(self, request: Request) -> Response:
        seconds = _wait_seconds(request)
        if self._reading >= self.limits.uploads:
            raise RefusedError(
                429, f"{self._reading} requests arrive already; try again soon", retry_seconds=2
            )
        self._reading += 1
        try:
            upload = await read_upload(request, self.limits)
        finally:
            self._reading -= 1
        job = self.jobs.add(upload)
        await job.wait(seconds)
        headers = {"Location": f"/v1/jobs/{job.id}"}
        return JSONResponse(job.told(), 200 if job.state in ENDED else 202, headers)

    async def _job(self, request: Request) -> Response:
        return JSONResponse(self._asked(request).told())

    async def _remove(self, request: Request) -> Response:
        self.jobs.remove(self._asked(request))
        return Response(status_code=204)

    async def _events(self, request: Request) -> Response:
        return StreamingResponse(_event_stream(self._asked(request)), media_type="text/event-stream")

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        path = self._asked(request).file(name)
        headers = {"Content-Security-Policy": _PAGE_POLICY} if path.suffix == ".html" else {}
        if path.suffix != ".html" and "download" in request.query_params:
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return FileResponse(path, media_type=_KINDS[path.suffix], headers=headers)

    async def _zip(self, request: Request) -> Response:
        job = self._asked(request)
        content = await asyncio.to_thread(_zipped, job)
        headers = {"Content-Disposition": 'attachment; filename="monoface.zip"'}
        return Response(content, media_type="application/zip", headers=headers)

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok", "waiting": self.jobs.waiting.qsize(), "version": VERSION})

    async def _openapi(self, _: Request) -> Response:
        return JSONResponse(openapi(self.limits))

    def _asked(self, request: Request) -> Job:
        return self.jobs.get(request.path_params["job"])


async def _event_stream(job: Job) -> AsyncIterator[str]:
    async for told in job.news():
        yield ": \n\n" if told is None else f"event: job\ndata: {json.dumps(told)}\n\n"


def _zipped(job: Job) -> bytes:
    """All files of a job; they are compressed already, where that is worth it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in job.told()["files"]:
            archive.write(job.file(name), name)
    return file.getvalue()


def _policy_of(page: str) -> str:
    """What the page states in itself, which a header may add: that nobody else frames it."""
    policy = page.partition('Content-Security-Policy" content="')[2].partition('"')[0]
    return f"{policy}; frame-ancestors 'none'"


def _wait_seconds(request: Request) -> float:
    """How long a request wants to wait for its job: `?wait=SECONDS`."""
    told: Any = request.query_params.get("wait", "0")
    try:
        seconds = float(told)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_WAIT_SECONDS:
        raise RefusedError(422, f"wait: expected 0 to {_LONGEST_WAIT_SECONDS:.0f} seconds")
    return seconds
