"""Measure how many small faces are found in composed sheets, and what a large photo costs.

    python benchmarks/small_faces.py --data DATA [--sheets 6]

Sheets of 20 to 200 heads of portraits, faces 24 to 200 px along their longer side, some with one face that
is far larger than the others; and one face that fills photos of 512 to 4,000 px, with the runs of networks
and the processor time that it takes. Everything is seeded.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage
from detection import best_overlap
from PIL import Image

from monoface.data.sources.archive import TarImages
from monoface.detection import FaceDetector, FaceDetectorConfig
from monoface.detection.blazeface import BlazeFace

_MIN_IOU = 0.4
_RUNS = 5


@dataclass(frozen=True)
class Head:
    """A head cut out of a portrait, and the box of its face."""

    image: np.ndarray
    box: np.ndarray

    def at(self, side_px: float) -> tuple[Image.Image, np.ndarray]:
        """The head with the longer side of its face of so many pixels, and its box then."""
        zoom = side_px / (self.box[2:] - self.box[:2]).max()
        height, width = (max(2, round(zoom * side)) for side in self.image.shape[:2])
        small = Image.fromarray(self.image).resize((width, height), Image.Resampling.LANCZOS)
        return small, self.box * np.tile((width / self.image.shape[1], height / self.image.shape[0]), 2)


def heads(detector: FaceDetector, data: Path, count: int) -> list[Head]:
    """Heads of portraits with one face."""
    images = TarImages(data / "portraits_cc0")
    found: list[Head] = []
    for name in images.names:
        image = images.decode(name)
        faces = detector(image)
        if len(faces) == 1:
            x0, y0, x1, y1 = faces[0].box
            x, y, half = (x0 + x1) / 2, (y0 + y1) / 2, 0.9 * max(x1 - x0, y1 - y0)
            left, top = int(max(x - half, 0)), int(max(y - half, 0))
            crop = image[top : int(y + half), left : int(x + half)]
            found.append(Head(crop, faces[0].box - [left, top, left, top]))
        if len(found) == count:
            break
    return found


def sheet(
    shown: list[Head], rng: np.random.Generator, sizes_px: np.ndarray, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """A sheet of heads in rows, and the boxes of their faces.

    Args:
        shown: To choose from.
        rng: Chooses.
        sizes_px: Of the faces.
        spread: Room for each head, in its own sides.
    """
    placed = [shown[int(rng.integers(len(shown)))].at(float(side)) for side in sizes_px]
    area = sum((spread * max(small.size)) ** 2 for small, _ in placed)
    width = int(max(1.2 * np.sqrt(area), spread * max(max(small.size) for small, _ in placed)))
    x = y = row = 0
    corners = []
    for small, _ in placed:
        room = int(spread * max(small.size))
        if x + room > width:
            x, y, row = 0, y + row, 0
        corners.append(np.array([x, y]) + rng.integers(0, np.maximum(room - np.array(small.size), 0) + 1))
        x, row = x + room, max(row, room)
    canvas = Image.new("RGB", (width, y + row), tuple(int(value) for value in rng.integers(40, 220, 3)))
    for (small, _), corner in zip(placed, corners, strict=True):
        canvas.paste(small, tuple(corner.tolist()))
    boxes = [box + np.tile(corner, 2) for (_, box), corner in zip(placed, corners, strict=True)]
    return np.asarray(canvas), np.array(boxes)


def measure_sheets(data: Path, count: int) -> None:
    """Recall and other detections in sheets of several kinds."""
    shown = heads(FaceDetector(), data, 40)
    for small_faces in (False, True):
        detector = FaceDetector(FaceDetectorConfig(small_faces=small_faces))
        for kind, largest, spread, portrait in (
            ("dense, 24 to 60 px", 60, 1.0, False),
            ("dense, 24 to 200 px", 200, 1.0, False),
            ("sparse, 24 to 60 px", 60, 3.0, False),
            ("sparse, 24 to 120 px", 120, 2.0, False),
            ("sparse, 24 to 60 px, and one large face", 60, 3.0, True),
        ):
            rng = np.random.default_rng(18)
            hits, others, seconds, sides = [], 0, 0.0, []
            for number, people in enumerate(np.geomspace(20, 200, count).astype(int)):
                sizes = np.exp(rng.uniform(np.log(24), np.log(largest), people))
                canvas, truth = sheet(shown, rng, sizes, spread)
                if portrait:
                    canvas, truth = _with_portrait(canvas, truth, shown[number % len(shown)])
                start = time.process_time()
                found = detector(canvas)
                seconds += time.process_time() - start
                sides.append(max(canvas.shape))
                hits += [best_overlap(box, found)[0] >= _MIN_IOU for box in truth]
                others += len(found) - sum(hits[-len(truth) :])
            print(
                f"{'small faces asked for, ' if small_faces else ''}{kind}: {np.mean(hits):.3f} of "
                f"{len(hits)} faces found in {count} sheets of {min(sides)} to {max(sides)} px, {others} "
                f"others; {seconds / count:.2f} s of processor time a sheet",
                flush=True,
            )


def _with_portrait(canvas: np.ndarray, truth: np.ndarray, head: Head) -> tuple[np.ndarray, np.ndarray]:
    """The sheet with one large face below it."""
    large, box = head.at(canvas.shape[0] / 3)
    joined = np.full((canvas.shape[0] + large.height, max(canvas.shape[1], large.width), 3), 128, np.uint8)
    joined[: canvas.shape[0], : canvas.shape[1]] = canvas
    joined[canvas.shape[0] :, : large.width] = np.asarray(large)
    return joined, np.concatenate((truth, box[None] + np.array([0, canvas.shape[0]] * 2)))


def measure_one_face() -> None:
    """What one face that fills a photo costs, by the photo's size, in turns."""
    portrait = Image.fromarray(skimage.data.astronaut())
    sides = (512, 1024, 2048, 4000)
    photos = {side: np.asarray(portrait.resize((side, side), Image.Resampling.BICUBIC)) for side in sides}
    detector = FaceDetector(FaceDetectorConfig(threads=1))
    runs, taken_ms = dict.fromkeys(sides, 0), {side: [] for side in sides}
    for _ in range(_RUNS):
        for side, photo in photos.items():
            with _counted_runs() as counts:
                start = time.process_time()
                detector(photo)
                taken_ms[side].append(1e3 * (time.process_time() - start))
            runs[side] = sum(counts)
    for side in sides:
        print(
            f"one face, {side} x {side}: {runs[side]} runs of networks, "
            f"{np.median(taken_ms[side]):.1f} ms of processor time"
        )


@contextmanager
def _counted_runs() -> Iterator[list[int]]:
    """Numbers of pictures that the networks look at while it lasts."""
    counts: list[int] = []
    look = BlazeFace.__call__

    def counted(self: BlazeFace, pictures: np.ndarray, min_score: float) -> list:
        counts.append(len(pictures))
        return look(self, pictures, min_score)

    BlazeFace.__call__ = counted
    try:
        yield counts
    finally:
        BlazeFace.__call__ = look


def main() -> None:
    """Run the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--sheets", type=int, default=6, help="sheets of each kind")
    arguments = parser.parse_args()
    measure_one_face()
    measure_sheets(arguments.data, arguments.sheets)


if __name__ == "__main__":
    main()
