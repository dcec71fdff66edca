"""A server with toy work, and photos to send to it."""

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
