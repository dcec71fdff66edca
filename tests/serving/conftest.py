"""A server with toy work, and photos to send to it."""

import asyncio
import contextlib
import threading

import pytest
from toy_work import make_toy_work

from monoface.serving.limits import ServeLimits

LIMITS = ServeLimits(
    upload_bytes=200_000, upload_seconds=2.0, photos=3, pixels=1_000_000, queue=2, job_seconds=20.0
)


@pytest.fixture
def client():
    """A client of a running server, as a browser on this machine would have it."""
    testclient = pytest.importorskip("starlette.testclient")
    from monoface.serving.app import Server

    server = Server(make_toy_work, LIMITS)
    with testclient.TestClient(server.app, base_url="http://127.0.0.1:8000") as client:
        client.server = server
        yield client


@pytest.fixture(scope="module")
def address():
    """Address of a server with toy work that runs in a thread."""
    uvicorn = pytest.importorskip("uvicorn", reason="the extra serve is not installed")
    from monoface.serving.app import Server

    config = uvicorn.Config(
        Server(make_toy_work, ServeLimits(upload_bytes=1_000_000)).app,
        port=0, log_level="warning", timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    started = threading.Event()

    async def serve():
        async def tell():
            while not server.started:
                await asyncio.sleep(0.02)
            started.set()

        telling = asyncio.create_task(tell())
        await server.serve()
        await telling

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    with contextlib.ExitStack() as ends:
        thread.start()
        ends.callback(thread.join, 30)
        ends.callback(setattr, server, "should_exit", True)
        assert started.wait(30)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
