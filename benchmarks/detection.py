"""Measure the face detector: recall, false alarms, crops, turned photos, speed.

    python benchmarks/detection.py --data DATA
    python benchmarks/detection.py --data DATA --only dev negatives speed

Everything is seeded; only the times differ from run to run. Small faces are in `benchmarks/small_faces.py`.
"""

import argparse
import os
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from monoface.data.sources.aflw2000 import Aflw2000
from monoface.data.sources.archive import TarImages
from monoface.data.sources.fasseg import Fasseg
from monoface.data.sources.ytf import Ytf
from monoface.detection import Detection, FaceDetector, FaceDetectorConfig
from monoface.geometry.roi import box_iou, roi_of_box

_MIN_IOU = 0.4
_YAW_EDGES_DEG = (0, 30, 60, 91)
_PEOPLE = {"astronaut.png", "camera.png"}
_PICTURES = {".png", ".jpg"}


def boxes_of(detections: list[Detection]) -> np.ndarray:
    """Boxes of detections, one a row."""
    return np.array([one.box for one in detections]).reshape(-1, 4)


def best_overlap(truth: np.ndarray, detections: list[Detection]) -> tuple[float, np.ndarray | None]:
    """Largest IoU of a box with the detections' boxes, and that box."""
    if not detections:
        return 0.0, None
    overlap = box_iou(truth, boxes_of(detections))
    best = int(overlap.argmax())
    return float(overlap[best]), detections[best].box


def box_of_points(points_px: np.ndarray) -> np.ndarray:
    """Upright box of points."""
    return np.concatenate([points_px.min(axis=0), points_px.max(axis=0)]).astype(float)


def measure_dev(detector: FaceDetector, data: Path) -> None:
    """AFLW2000-3D's development photos: recall, and how well the crop is placed, by yaw."""
    photos = list(Aflw2000.from_packed(data / "aflw2000_dev"))
    rows = []
    for photo in photos:
        truth = box_of_points(photo.points68_px[:, :2])
        overlap, found = best_overlap(truth, detector(photo.image))
        hit = overlap >= _MIN_IOU and found is not None
        rows.append(
            (abs(photo.yaw_deg), hit, overlap, *(crop_errors(truth, found) if hit else (np.nan, np.nan)))
        )
    yaw, hit, overlap, centre, size = np.array(rows, dtype=float).T
    print(
        f"aflw2000_dev: recall {hit.mean():.3f} of {len(photos)} at IoU {_MIN_IOU}, "
        f"median IoU {np.median(overlap):.3f}"
    )
    for low, high in pairwise(_YAW_EDGES_DEG):
        chosen = (yaw >= low) & (yaw < high)
        print(
            f"  yaw {low:2d}-{high:2d}: {chosen.sum():3d} photos, recall {hit[chosen].mean():.3f}; "
            f"crop: centre off by {100 * np.nanmean(centre[chosen]):.1f} % of its side, "
            f"size {np.nanmean(size[chosen]):.3f} "
            f"+- {np.nanstd(size[chosen]):.3f} of the true one"
        )


def crop_errors(truth: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Distance of the crops' centres per side of the true crop, and ratio of the sides."""
    expected, got = roi_of_box(truth), roi_of_box(found)
    side = expected[2] - expected[0]
    shift = (got[:2] + got[2:] - expected[:2] - expected[2:]) / 2
    return float(np.hypot(*shift) / side), float((got[2] - got[0]) / side)


def measure_ytf(detector: FaceDetector, data: Path) -> None:
    """300 frames of YouTube Faces."""
    source = Ytf(data / "ytf")
    hits = []
    for index in np.linspace(0, len(source) - 1, 300).astype(int):
        photo = source[int(index)]
        points = photo.points68_px[np.isfinite(photo.points68_px).all(axis=1)]
        hits.append(best_overlap(box_of_points(points), detector(photo.image))[0] >= _MIN_IOU)
    print(f"ytf: recall {np.mean(hits):.3f} of {len(hits)}")


def measure_fasseg(detector: FaceDetector, data: Path) -> None:
    """FASSEG: by yaw, how often a box holds the middle of the labelled eyes, nose and mouth."""
    hits = defaultdict(list)
    for photo in Fasseg(data / "fasseg"):
        rows, columns = np.nonzero(photo.mask >= 3)
        middle = np.array([columns.mean(), rows.mean()]) + 0.5
        boxes = boxes_of(detector(photo.image))
        hits[round(photo.yaw_deg)].append(
            bool(((boxes[:, :2] < middle) & (middle < boxes[:, 2:])).all(axis=1).any())
        )
    print("fasseg: recall by yaw")
    print("  " + ", ".join(f"{yaw:+d}: {sum(found)}/{len(found)}" for yaw, found in sorted(hits.items())))


def measure_unlabelled(detector: FaceDetector, data: Path) -> None:
    """Sets of one portrait a photo: how many have a face, and more than one."""
    for name, count in (("portraits_cc0", 200), ("omi", 200), ("lfw", 300)):
        images = TarImages(data / name)
        names = [one for one in images.names if one.endswith(".webp")]
        chosen = [names[i] for i in np.linspace(0, len(names) - 1, count).astype(int)]
        found = np.array([len(detector(images.decode(one))) for one in chosen])
        print(f"{name}: {np.mean(found > 0):.3f} of {count} have a face, {np.mean(found > 1):.3f} several")


def measure_negatives(detector: FaceDetector, _: Path) -> None:
    """Photos without people that scikit-image ships, and generated textures: there must be no face."""
    folder = Path(skimage.__file__).parent / "data"
    paths = sorted(path for path in folder.iterdir() if path.suffix in _PICTURES and path.name not in _PEOPLE)
    wrong = {}
    for path in paths:
        with Image.open(path) as image:
            wrong[path.name] = detector(np.asarray(image.convert("RGB")))
    found = {name: [round(one.score, 2) for one in faces] for name, faces in wrong.items() if faces}
    print(f"photos without people: {len(found)} of {len(paths)} with a detection {found or ''}")
    for seed in (0, 1, 2):
        count = sum(len(detector(texture)) > 0 for texture in textures(seed, 30))
        print(f"textures, seed {seed}: {count} of 30 with a detection")


def textures(seed: int, count: int) -> Iterator[np.ndarray]:
    """Generated 640 x 480 pictures: noise of several spectra, checkers, stripes, gradients, discs, blobs."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        values = _TEXTURES[index % len(_TEXTURES)](rng)
        yield (255 * np.clip(np.broadcast_to(values, (480, 640, 3)), 0, 1)).astype(np.uint8)


def _grid() -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.mgrid[:480, :640]
    return rows[..., None].astype(float), columns[..., None].astype(float)


def _noise(rng: np.random.Generator) -> np.ndarray:
    frequency = np.hypot(np.fft.fftfreq(480)[:, None], np.fft.fftfreq(640)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.fft2(rng.normal(size=(3, 480, 640))) * frequency ** -rng.uniform(0, 1.7)
    field = np.fft.ifft2(spectrum).real.transpose(1, 2, 0)
    return 0.5 + 0.25 * (field - field.mean()) / field.std()


def _checkers(rng: np.random.Generator) -> np.ndarray:
    rows, columns = _grid()
    side = rng.integers(6, 90)
    return (rows // side + columns // side) % 2 * rng.uniform(0, 1, 3)


def _stripes(rng: np.random.Generator) -> np.ndarray:
    rows, columns = _grid()
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 80)
    wave = np.sin(2 * np.pi / period * (columns * np.cos(angle) + rows * np.sin(angle)))
    return (0.5 + 0.5 * wave) * rng.uniform(0.3, 1, 3)


def _gradient(rng: np.random.Generator) -> np.ndarray:
    rows, columns = _grid()
    return rows / 480 * rng.uniform(0, 1, 3) + columns / 640 * rng.uniform(0, 1, 3)


def _discs(rng: np.random.Generator) -> np.ndarray:
    rows, columns = _grid()
    values = np.ones((480, 640, 3)) * rng.uniform(0, 1, 3)
    for _ in range(rng.integers(5, 60)):
        x, y, width, height = rng.uniform((0, 0, 5, 5), (640, 480, 90, 90))
        inside = ((columns - x) / width) ** 2 + ((rows - y) / height) ** 2 < 1
        values = np.where(inside, rng.uniform(0, 1, 3), values)
    return values


def _blobs(rng: np.random.Generator) -> np.ndarray:
    rows, columns = _grid()
    values = np.full((480, 640, 3), 0.5)
    for _ in range(rng.integers(5, 40)):
        x, y, radius = rng.uniform((0, 0, 8), (640, 480, 100))
        values += np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2)) * rng.normal(0, 0.5, 3)
    return values


_TEXTURES = (_noise, _checkers, _stripes, _gradient, _discs, _blobs)


def measure_turned(detector: FaceDetector, data: Path) -> None:
    """Portraits turned in the picture plane."""
    images = TarImages(data / "portraits_cc0")
    names = images.names[:60]
    for angle in (-30, 30, -60, 60, 90, 180):
        hits = []
        for name in names:
            photo = Image.fromarray(images.decode(name))
            upright = detector(np.asarray(photo))
            turned = detector(np.asarray(photo.rotate(angle, Image.Resampling.BILINEAR)))
            if not upright:
                continue
            radians = np.deg2rad(angle)
            cosine, sine = np.cos(radians), np.sin(radians)
            turn = np.array([[cosine, sine], [-sine, cosine]])
            middle = np.array(photo.size) / 2
            expected = (upright[0].keypoints_px - middle) @ turn.T + middle
            eyes = np.hypot(*(expected[0] - expected[1]))
            errors = [np.hypot(*(one.keypoints_px - expected).T).mean() / eyes for one in turned]
            hits.append(min(errors, default=np.inf) < 0.3)
        print(f"portraits turned by {angle:+d} degrees: {np.mean(hits):.3f} of {len(hits)} found, turn too")


def measure_speed(_: FaceDetector, __: Path) -> None:
    """Time of one 640 x 480 photo with one face."""
    portrait = Image.fromarray(skimage.data.astronaut()).crop((0, 0, 512, 384)).resize((640, 480))
    image = np.asarray(portrait)
    machine = f"{os.cpu_count()} cores, {platform.machine()}"
    for threads in (1, 2):
        detector = FaceDetector(FaceDetectorConfig(threads=threads))
        times = []
        for _ in range(220):
            start = time.perf_counter()
            detector(image)
            times.append(1e3 * (time.perf_counter() - start))
        p50, p95 = np.percentile(times[20:], (50, 95))
        print(
            f"speed, 640 x 480, one face, {threads} threads ({machine}): "
            f"p50 {p50:.2f} ms, p95 {p95:.2f} ms, best {min(times):.2f} ms"
        )


_MEASURES: dict[str, Callable[[FaceDetector, Path], None]] = {
    "dev": measure_dev,
    "negatives": measure_negatives,
    "ytf": measure_ytf,
    "fasseg": measure_fasseg,
    "unlabelled": measure_unlabelled,
    "turned": measure_turned,
    "speed": measure_speed,
}


def main() -> None:
    """Run the measurements asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument(
        "--only", nargs="+", choices=_MEASURES, default=list(_MEASURES), help="measurements to run"
    )
    arguments = parser.parse_args()
    detector = FaceDetector()
    for name in arguments.only:
        _MEASURES[name](detector, arguments.data)


if __name__ == "__main__":
    main()
