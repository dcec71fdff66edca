"""`monoface serve`: a local app in the browser, and a REST API."""

import secrets
import socket
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro
import uvicorn

from monoface.core.errors import ConfigError
from monoface.serving.app import Server
from monoface.serving.guard import LOOPBACK
from monoface.serving.limits import ServeLimits
from monoface.serving.workers import reconstructing

# More connections at a time are answered with 503.
_CONNECTIONS = 64
# How long requests may go on when the server is told to stop.
_LAST_SECONDS = 5


@dataclass(frozen=True)
class ServeArguments:
    """Start a local app: drop photos in the browser, and turn their heads there; and a REST API for programs.

    Nothing leaves this machine. The server answers to this machine alone, unless --host says otherwise; then
    it asks for a token, which is in the address that it prints. Photos are deleted when they were worked
    on, results after --keep minutes, and all of them when the server stops. Ctrl-C stops it.
    """

    host: str = "127.0.0.1"
    """Address to listen at."""
    port: int = 8000
    """Port; 0 takes a free one."""
    workers: int = 1
    """Processes that reconstruct; each has the networks in memory."""
    keep: float = 60.0
    """Minutes that results are kept."""
    max_megapixels: float = 50.0
    """Largest photo that is taken."""
    max_megabytes: float = 64.0
    """Largest request that is taken."""
    max_photos: int = 24
    """Most photos of a request."""
    max_upload_seconds: float = 60.0
    """Longest time that a request may take to arrive."""
    max_queue: int = 32
    """Most requests that wait; more are told to try again."""
    no_browser: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Open no browser."""


class _AnnouncingServer(uvicorn.Server):
    """Says where it is when it is there."""

    def __init__(self, config: uvicorn.Config, token: str | None, open_browser: bool) -> None:
        super().__init__(config)
        self._query = "" if token is None else f"?token={token}"
        self._open_browser = open_browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and print the address."""
        await super().startup(sockets)
        if self.should_exit or not self.servers:
            return
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{port}/{self._query}"
        print(f"monoface serves at {address}", flush=True)
        if self._open_browser:
            webbrowser.open(address)


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(ServeArguments, prog="monoface serve", args=list(arguments))
    if chosen.workers < 1:
        raise ConfigError(f"--workers: expected at least 1, got {chosen.workers}.")
    limits = ServeLimits(
        upload_bytes=int(chosen.max_megabytes * 1e6),
        upload_seconds=chosen.max_upload_seconds,
        photos=chosen.max_photos,
        pixels=int(chosen.max_megapixels * 1e6),
        queue=chosen.max_queue,
        keep_seconds=60 * chosen.keep,
    )
    token = None if chosen.host in LOOPBACK else secrets.token_urlsafe(24)
    server = Server(reconstructing, limits, chosen.workers, token)
    config = uvicorn.Config(
        server.app,
        host=chosen.host,
        port=chosen.port,
        log_level="warning",
        access_log=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_LAST_SECONDS,
        server_header=False,
    )
    running = _AnnouncingServer(config, token, not chosen.no_browser)
    running.run()
    return 0 if running.started else 2
