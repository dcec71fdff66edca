"""Fit the table of `monoface.detection.face_box`: landmarks as affine combinations of six keypoints.

Each landmark that spans the box of all 68 is regressed on the detector's keypoints, over the photos of AFLW's
training part (21 points, all poses) and YouTube Faces (68 points). Both coordinates share one set of weights,
which sum to one; the mirrored photo constrains the landmark of the other side, so only the subject's right
half is fitted. Residuals beyond 6 % of the face's size count less (AFLW has blunders).

    python tools/fit_face_box.py --data DATA
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from monoface.data.sources.aflw import Aflw
from monoface.data.sources.ytf import Ytf
from monoface.detection import Detection, FaceDetector
from monoface.geometry.roi import box_iou

# Landmark: index in AFLW's 21 points (right side of the subject, left side), and in the 68.
_LANDMARKS = {
    "end of the jaw": ((12, 16), (2, 14)),
    "outer end of the brow": ((0, 5), (17, 26)),
    "middle of the brow": ((1, 4), (19, 24)),
    "tip of the nose": ((14, 14), (30, 30)),
    "chin": ((20, 20), (8, 8)),
}
_MIRRORED = [1, 0, 2, 3, 5, 4]
_RIDGE = 1e-4
_OUTLIER = 0.06


def detected(detector: FaceDetector, image: np.ndarray, points_px: np.ndarray) -> Detection | None:
    """The detection that shows the annotated face."""
    seen = points_px[np.isfinite(points_px).all(axis=1)]
    truth = np.concatenate([seen.min(axis=0), seen.max(axis=0)]).astype(float)
    faces = detector(image)
    overlap = box_iou(truth, np.array([one.network_box for one in faces]).reshape(-1, 4))
    return faces[int(overlap.argmax())] if len(faces) and overlap.max() > 0.3 else None


def annotated_faces(data: Path, every: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Which annotation a photo has (0: 21 points, 1: 68 points), the photo and its points."""
    for kind, source in enumerate((Aflw(data / "aflw", split="train"), Ytf(data / "ytf"))):
        for index in range(0, len(source), every):
            photo = source[index]
            yield kind, photo.image, photo.points68_px if kind else photo.points21_px


def collect(data: Path, every: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Keypoints and landmark coordinates, relative to the keypoints' mean, per side of the detected box."""
    detector = FaceDetector()
    rows: dict[str, list[np.ndarray]] = {name: [] for name in _LANDMARKS}
    for kind, image, points_px in annotated_faces(data, every):
        found = detected(detector, image, points_px)
        if found is None:
            continue
        middle = found.keypoints_px.mean(axis=0)
        size = found.network_box[2] - found.network_box[0]
        keypoints = (found.keypoints_px - middle) / size
        for name, indices in _LANDMARKS.items():
            for index, order in zip(indices[kind], (slice(None), _MIRRORED), strict=True):
                target = (points_px[index] - middle) / size
                if np.isfinite(target).all():
                    rows[name].append(np.concatenate([keypoints[order], target[None]]).T)
    joined = {name: np.concatenate(parts) for name, parts in rows.items()}
    return {name: (both[:, :6], both[:, 6]) for name, both in joined.items()}


def fit(keypoints: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights that sum to one, and the root mean square of what they miss, per side of the detected box."""
    importance = np.ones(len(target))
    for _ in range(4):
        weighted = keypoints * importance[:, None]
        weights = np.linalg.solve(
            weighted.T @ keypoints + _RIDGE * len(target) * np.eye(6), weighted.T @ target
        )
        residual = np.abs(keypoints @ weights - target)
        importance = np.minimum(1, _OUTLIER / np.maximum(residual, 1e-9))
    # Coordinates are relative to the keypoints' mean, so a constant added to all weights changes nothing.
    return weights - weights.mean() + 1 / 6, float(np.sqrt(np.mean(residual**2)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--every", type=int, default=10, help="use every n-th photo")
    arguments = parser.parse_args()
    for name, (keypoints, target) in collect(arguments.data, arguments.every).items():
        weights, error = fit(keypoints, target)
        print(f"{name} ({len(target) // 2} points, off by {error:.3f}): {np.round(weights, 3).tolist()}")


if __name__ == "__main__":
    main()
