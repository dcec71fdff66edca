"""`monoface live SOURCE`: blendshapes of a camera or a clip, sent to other programs as they come."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from monoface.core.errors import ConfigError
from monoface.pipeline import Reconstructor
from monoface.video import Clip, Frame, VideoConfig, VideoReconstructor
from monoface.video.senders import LiveLinkSender, VmcSender

_PORTS = {"vmc": 39539, "livelink": 11111}
# Latency is printed so often.
_TOLD_EVERY_S = 2.0


@dataclass(frozen=True)
class LiveArguments:
    """Send ARKit's blendshapes and the head's rotation of whoever is before a camera, or in a clip.

    A clip is played at its own speed; frames that come while one is computed are left out. A camera is
    what PyAV opens, such as /dev/video0.
    """

    source: tyro.conf.Positional[Path]
    """A video device or a clip."""
    to: Literal["vmc", "livelink"] = "vmc"
    """vmc: OSC as of the VMC protocol. livelink: as the Live Link Face app."""
    host: str = "127.0.0.1"
    """Where to."""
    port: int | None = None
    """By default 39539 for vmc, 11111 for livelink."""
    smooth: float = 0.5
    """How much is smoothed, 0 to 1."""
    seconds: float | None = None
    """End after so long; by default with the clip, or never."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(LiveArguments, prog="monoface live", args=list(arguments))
    if not chosen.source.exists():
        raise ConfigError(f"{chosen.source}: expected a camera or a clip, found none.")
    clip = Clip(chosen.source)
    port = chosen.port or _PORTS[chosen.to]
    send = (
        VmcSender(chosen.host, port) if chosen.to == "vmc" else LiveLinkSender(chosen.host, port, clip.rate)
    )
    video = VideoReconstructor(Reconstructor(), VideoConfig(smooth=chosen.smooth, max_faces=1))
    pace = Pace(clip, wait=not clip.is_camera, seconds=chosen.seconds)
    told, latencies = time.monotonic(), []
    try:
        for faces in video.results(pace):
            for face in faces:
                send(face)
            latencies.append(time.monotonic() - pace.due_s)
            if time.monotonic() - told >= _TOLD_EVERY_S:
                told = time.monotonic()
                print(_latency(latencies, pace.left_out), flush=True)
                latencies = []
        if latencies:
            print(_latency(latencies, pace.left_out), flush=True)
    finally:
        send.close()
    return 0


class Pace:
    """Frames at the speed at which they were taken; those that are late are left out.

    Attributes:
        due_s: When the latest frame was there, by the monotonic clock.
        left_out: Frames that were late.

    Args:
        frames: With their times.
        wait: Whether to wait until a frame is due; a camera's frames are when they come.
        seconds: End after so long.
    """

    def __init__(self, frames: Clip, *, wait: bool, seconds: float | None = None) -> None:
        self._frames, self._wait, self._seconds = frames, wait, seconds
        self.due_s, self.left_out = 0.0, 0

    def __iter__(self) -> Iterator[Frame]:
        began, late_s = time.monotonic(), 1 / self._frames.rate
        for frame in self._frames:
            now = time.monotonic()
            if self._seconds is not None and now - began >= self._seconds:
                return
            self.due_s = began + frame.time_s if self._wait else now
            if self._wait and now > self.due_s + late_s:
                self.left_out += 1
                continue
            if now < self.due_s:
                time.sleep(self.due_s - now)
            yield frame


def _latency(latencies: list[float], left_out: int) -> str:
    middle, worst = sorted(latencies)[len(latencies) // 2], max(latencies)
    return (
        f"{len(latencies)} frames, latency {1e3 * middle:.0f} ms (worst {1e3 * worst:.0f} ms), "
        f"{left_out} left out"
    )
