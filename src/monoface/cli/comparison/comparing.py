"""Times of monoface and of other programs on the same photo, in turns."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from monoface.cli.comparison.peers import Peer
from monoface.cli.speed.timing import time_in_turns
from monoface.core.errors import ConfigError
from monoface.pipeline import Reconstructor

FORMAT = "monoface-speed-1"
GEOMETRY, TEXTURED = "monoface, geometry", "monoface, geometry and texture"


@dataclass(frozen=True)
class ComparedTime:
    """How long one program takes for a photo of one size.

    Attributes:
        program: Its name.
        side_px: Longer side of the photo.
        p50_ms: Half of the runs took at most this long.
        p95_ms: 95 % of the runs took at most this long.
        ratio: Median, over the rounds, of its time by that of the first peer in the same round.
        runs: Rounds.
    """

    program: str
    side_px: int
    p50_ms: float
    p95_ms: float
    ratio: float
    runs: int


def compare_at(
    side_px: int,
    photo: UInt8[np.ndarray, "height width 3"],
    reconstructor: Reconstructor,
    peers: Mapping[str, Peer],
    rounds: int,
) -> list[ComparedTime]:
    """Time monoface, without and with a texture, and peers on a photo of one size, in memory.

    Raises:
        ConfigError: If one of them sees no face in it.
    """
    image = _resized(photo, side_px)
    for name, peer in peers.items():
        if peer(image) is None:
            raise ConfigError(f"photo: expected a face that all see, but {name} sees none at {side_px} px.")
    if not reconstructor.reconstruct(image).all_faces:
        raise ConfigError(f"photo: expected a face that all see, but monoface sees none at {side_px} px.")
    runs: dict[str, Any] = {
        GEOMETRY: lambda: reconstructor.reconstruct(image),
        TEXTURED: lambda: reconstructor.reconstruct(image).all_faces[0].texture,
        **{name: lambda peer=peer: peer(image) for name, peer in peers.items()},
    }
    taken_ms = time_in_turns(runs, rounds)
    first = np.array(taken_ms[next(iter(peers))])
    return [_compared(name, side_px, np.array(times), first) for name, times in taken_ms.items()]


def comparison_text(rows: Sequence[ComparedTime]) -> str:
    """Lines of a table, a row each."""
    return "\n".join(
        f"{row.side_px:>5} px  {row.program:<40}{row.p50_ms:>9.2f} ms (p95 {row.p95_ms:.2f}), "
        f"{row.ratio:.2f} x the first peer"
        for row in rows
    )


def comparison_report(
    rows: Sequence[ComparedTime], hardware: Mapping[str, str | int], *, photo: str, threads: int
) -> dict[str, Any]:
    """All rows as JSON values, with what they were measured on."""
    return {
        "format": FORMAT,
        "hardware": dict(hardware),
        "photo": photo,
        "threads": threads,
        "rows": [_rounded(asdict(row)) for row in rows],
    }


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()}


def _compared(program: str, side_px: int, taken_ms: np.ndarray, first_ms: np.ndarray) -> ComparedTime:
    p50, p95 = np.percentile(taken_ms, (50, 95))
    return ComparedTime(
        program, side_px, float(p50), float(p95), float(np.median(taken_ms / first_ms)), len(taken_ms)
    )


def _resized(photo: UInt8[np.ndarray, "_ _ 3"], side_px: int) -> UInt8[np.ndarray, "_ _ 3"]:
    zoom = side_px / max(photo.shape)
    height, width = (max(1, round(zoom * side)) for side in photo.shape[:2])
    return np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC))
