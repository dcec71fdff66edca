"""Send good and hostile requests to a `monoface serve` of its own, and tell what became of each.

    python benchmarks/serve_requests.py [--data DATA] [--requests 200] [--at-once 8] [--seconds 60]

One request in ten is hostile, in turn: a text that calls itself a picture, a PNG of 2.5 gigapixels, half a
JPEG, a photo of 100 megapixels, a good photo whose name is a path, and a sender who never finishes. Half way
through, the process that reconstructs is killed. Good photos are portraits of `--data`, or the sample photo.

Exit code 0 if nothing crashed, every request was answered with a status and a reason, every job that was
taken ended, no more than the killed one failed, and memory stayed within its bound; 1 otherwise.
Memory is that of all processes of the server, what they share counted once; Linux only.
"""

import argparse
import http.client
import io
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from monoface.data.sources.archive import TarImages

HOSTILE = {
    "wrong type": 415,
    "bomb": 413,
    "truncated": 200,
    "100 megapixels": 413,
    "path as a name": 200,
    "slow sender": 408,
}
"""Kinds of hostile requests, and how each is answered."""

_MOST_MEMORY_MB = 1500.0
_SAMPLE = Path(__file__).parent.parent / "examples" / "astronaut.png"
_BOUNDARY = "monoface-boundary"


@dataclass(frozen=True)
class Answer:
    """What became of a request; status 0 if there was no answer, state empty if no job was taken."""

    kind: str
    status: int
    state: str
    reason: str
    seconds: float


def hostile_photo(kind: str, good: bytes) -> tuple[str, bytes]:
    """Name and content of what is sent."""
    match kind:
        case "wrong type":
            return "photo.jpg", b"#!/bin/sh\necho no picture\n" * 50
        case "bomb":
            header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
            chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(50_000_000))), (b"IEND", b""))
            return "bomb.png", b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)
        case "truncated":
            return "half.jpg", good[: len(good) // 2]
        case "100 megapixels":
            return "large.jpg", jpeg(Image.new("L", (10_000, 10_000)))
        case "path as a name":
            return "../../../../outside.jpg", good
    return "photo.jpg", good


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file, with its length and checksum."""
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def form(name: str, content: bytes) -> bytes:
    """A form with one photo."""
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="{name}"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, dict, int]:
    """Status and JSON of an answer, and the seconds after which a second try is asked for."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"} if body else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), int(answer.getheader("Retry-After") or 0)
    finally:
        connection.close()


def send(port: int, kind: str, good: bytes) -> Answer:
    """Send one request, and follow its job to its end."""
    started = time.monotonic()
    try:
        status, told = slow_sender(port) if kind == "slow sender" else send_photo(port, kind, good)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Answer(kind, 0, "", repr(error), time.monotonic() - started)
    reasons = [told.get("reason", ""), *(one["reason"] for one in told.get("results", ()))]
    reason = "; ".join(filter(None, reasons))
    return Answer(kind, status, told.get("state", ""), reason, time.monotonic() - started)


def send_photo(port: int, kind: str, good: bytes) -> tuple[int, dict]:
    """Send a photo, again where the server asks for that, and wait until its job ends."""
    body = form(*hostile_photo(kind, good))
    while True:
        status, told, retry = ask(port, "POST", "/v1/reconstruct?wait=60", body)
        if not retry:
            break
        time.sleep(retry)
    while status == 202 and told["state"] not in ("done", "failed"):
        time.sleep(0.5)
        _, told, _ = ask(port, "GET", f"/v1/jobs/{told['id']}")
    return 200 if told.get("state") else status, told


def slow_sender(port: int) -> tuple[int, dict]:
    """Send a byte a second, of many that were announced, until there is an answer."""
    head = (
        f"POST /v1/reconstruct HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 100000\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head.encode() + form("slow.jpg", b"")[:100])
        connection.settimeout(1.0)
        while True:
            try:
                connection.sendall(b"-")
                received = connection.recv(65536)
                break
            except TimeoutError:
                continue
        connection.settimeout(10.0)
        while b"}" not in received and (more := connection.recv(65536)):
            received += more
    top, _, body = received.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(body)


@contextmanager
def server(seconds: float, log: Path | None) -> Iterator[tuple[subprocess.Popen, int]]:
    """A server at a free port, and that port; stopped as Ctrl-C stops it."""
    words = ["serve", "--port", "0", "--no-browser", "--max-upload-seconds", str(seconds)]
    errors = None if log is None else log.open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "monoface", *words], stdout=subprocess.PIPE, stderr=errors, text=True
    )
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline().rstrip("/\n").rpartition(":")[2])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        if errors is not None:
            errors.close()


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    found = [pid]
    # Listed by the thread that started them; threads and processes may end meanwhile.
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                found += family(int(child))
    return found


def memory_mb(pid: int) -> float:
    """Memory of a process and those that it started, what they share counted once."""
    total_kb = 0
    for one in family(pid):
        with suppress(OSError):
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total_kb += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total_kb / 1024


def kill_worker(pid: int) -> bool:
    """Kill the process that reconstructs; whether there was one."""
    children = [one for one in family(pid) if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]
    for child in children:
        os.kill(child, signal.SIGKILL)
    return bool(children)


def good_photos(data: Path | None, count: int) -> list[bytes]:
    """JPEG files with faces."""
    if data is None:
        pictures = [np.asarray(Image.open(_SAMPLE).convert("RGB"))]
    else:
        images = TarImages(data / "portraits_cc0")
        pictures = [images.decode(name) for name in images.names[:count]]
    return [jpeg(Image.fromarray(picture)) for picture in pictures]


def jpeg(picture: Image.Image) -> bytes:
    """A JPEG file."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def run(arguments: argparse.Namespace) -> tuple[list[Answer], list[float], bool]:
    """Answers in the order of the requests, memory twice a second, and whether the server lived on."""
    photos = good_photos(arguments.data, 40)
    hostile = itertools.cycle(HOSTILE)
    kinds = [next(hostile) if number % 10 == 5 else "good" for number in range(arguments.requests)]
    ended = threading.Event()
    memory: list[float] = []
    counter = itertools.count()

    with server(arguments.seconds, arguments.log) as (process, port):

        def watch() -> None:
            while not ended.wait(0.5):
                memory.append(memory_mb(process.pid))

        def one(kind: str) -> Answer:
            number = next(counter)
            if number == arguments.requests // 2:
                print("the worker is killed:", kill_worker(process.pid), flush=True)
            return send(port, kind, photos[number % len(photos)])

        watching = threading.Thread(target=watch)
        watching.start()
        with ThreadPoolExecutor(arguments.at_once) as pool:
            answers = list(pool.map(one, kinds))
        ended.set()
        watching.join()
        alive = process.poll() is None and ask(port, "GET", "/v1/health")[0] == 200
    return answers, memory, alive


def problems(answers: list[Answer], memory: list[float], alive: bool) -> list[str]:
    """What was not as it should be."""
    found = [] if alive else ["the server is gone"]
    for answer in answers:
        if answer.status == 0 or not answer.reason:
            found.append(f"without an answer or a reason: {answer}")
        elif answer.status == 200 and answer.state not in ("done", "failed"):
            found.append(f"a job was lost: {answer}")
        elif answer.kind in HOSTILE and answer.status != HOSTILE[answer.kind]:
            found.append(f"answered otherwise than expected: {answer}")
        elif answer.kind == "good" and answer.status != 200:
            found.append(f"a good photo was refused: {answer}")
    if (failed := sum(answer.state == "failed" for answer in answers)) != 1:
        found.append(f"{failed} jobs failed; one was killed")
    if max(memory) > _MOST_MEMORY_MB:
        found.append(f"{max(memory):.0f} MB of memory")
    return found


def main() -> int:
    """Print what became of the requests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0, help="time for a request to arrive")
    parser.add_argument("--log", type=Path, help="file for what the server says")
    answers, memory, alive = run(parser.parse_args())

    for (kind, status, state), count in sorted(Counter((a.kind, a.status, a.state) for a in answers).items()):
        example = next(a.reason for a in answers if (a.kind, a.status, a.state) == (kind, status, state))
        print(f"{kind:15} {status} {state:7} {count:4}  {example[:90]}")
    good = np.array([a.seconds for a in answers if (a.kind, a.state) == ("good", "done")])
    median, p95 = np.percentile(good, (50, 95))
    print(f"good, seconds: median {median:.2f}, p95 {p95:.2f}, largest {good.max():.2f}")
    quarters = [part.mean() for part in np.array_split(np.array(memory), 4)]
    print(f"memory, MB: largest {max(memory):.0f}; means of quarters", *(f"{mean:.0f}" for mean in quarters))
    found = problems(answers, memory, alive)
    print("\n".join(found) or "nothing crashed, nothing was lost")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
