"""What was seen of one person in the frames of a clip, kept on disk, so that memory does not grow with it."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.eye_measuring import SeenEyes
from monoface.facemodel.estimation.refinement import SeenPoints
from monoface.networks.eyes.outputs import EYE_SHAPES
from monoface.pipeline.refining.eyes import ReadEyes

_ROWS = 256


@dataclass(frozen=True, eq=False)
class Look:
    """What one look at a face in a frame tells; batches of one.

    Attributes:
        seen: Its points, in pixels of the frame.
        start: Pose and expression as the network has them.
        eyes: What was read of the eyes; None where nothing reads them.
        identity: As the network has it.
        confidence: Probability that the landmarks are right.
        log_error: Logarithm of the expected landmark error over the face's size.
        landmarks_px: The 68 points.
    """

    seen: SeenPoints
    start: Poses
    eyes: ReadEyes | None
    identity: Float[np.ndarray, "1 identity"]
    confidence: float
    log_error: float
    landmarks_px: Float[np.ndarray, "68 2"]


class Record:
    """Looks at one person, in the order of frames, as float32 in a temporary file that goes with it."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._times_s: list[float] = []
        # Closed by `close`, when the track is done.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._width = self._points = self._expressions = 0

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def numbers(self) -> Int[np.ndarray, " frames"]:
        """Frames that show the person."""
        return np.array(self._numbers, np.int64)

    @property
    def times_s(self) -> Float[np.ndarray, " frames"]:
        """When these are shown."""
        return np.array(self._times_s)

    def add(self, number: int, time_s: float, look: Look) -> None:
        """Keep a look."""
        row = _packed(look)
        self._width, self._points = len(row), look.seen.sigma_px.shape[1]
        self._expressions = look.start.expression.shape[1]
        self._numbers.append(number)
        self._times_s.append(time_s)
        self._file.write(row.tobytes())

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def parts(self) -> Iterator[tuple[SeenPoints, Poses, ReadEyes | None, Float[np.ndarray, "frames 2"]]]:
        """Looks, some hundred together; and confidence and logarithm of the expected error of each."""
        self._file.seek(0)
        while data := self._file.read(4 * self._width * _ROWS):
            rows = np.frombuffer(data, np.float32).reshape(-1, self._width).astype(np.float64)
            yield _unpacked(rows, self._points, self._expressions)
        self._file.seek(0, 2)


def _packed(look: Look) -> Float[np.ndarray, " width"]:
    start = look.start
    parts = [np.array([look.confidence, look.log_error]), look.seen.place_px, look.seen.sigma_px]
    parts += [start.rotation, start.scale_px, start.shift_px, start.expression]
    if look.eyes is not None:
        eyes = look.eyes.seen
        parts += [eyes.gap_px, eyes.iris_px, eyes.corners_px, eyes.blink, look.eyes.shapes]
    return np.concatenate([np.ravel(part) for part in parts]).astype(np.float32)


def _unpacked(
    rows: np.ndarray, points: int, expressions: int
) -> tuple[SeenPoints, Poses, ReadEyes | None, np.ndarray]:
    count, place = len(rows), 0

    def take(*shape: int) -> np.ndarray:
        nonlocal place
        size = int(np.prod(shape, dtype=int))
        place += size
        return rows[:, place - size : place].reshape(count, *shape)

    sure = take(2)
    seen = SeenPoints(take(points, 2), take(points))
    start = Poses(take(3, 3), take(), take(2), take(expressions))
    if place == rows.shape[1]:
        return seen, start, None, sure
    eyes = SeenEyes(take(2), take(2, 2), take(2, 2, 2), take(2))
    return seen, start, ReadEyes(eyes, take(2, len(EYE_SHAPES))), sure
