"""Measure what is called a face: portraits turned by any angle, photos in the wild, and animals.

    python benchmarks/doubtful.py --data DATA --animals DIR [--weights NAME] [--all-steps]

DIR holds pictures of animals' faces, photos or drawings, with or without transparency. Of what is `ok`, an
animal is wrong, and so is a turned portrait whose landmarks are more than 5 % of the face's size from where
the upright one has them. Prints that share and what of the photos is lost, at several thresholds; and the
constants of `pipeline.plausibility`, fitted to half of the pictures and tried on the other half. With
--all-steps each portrait is turned by 15, 30, … 345 degrees, and not by one of these.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from monoface import Reconstructor, ReconstructorConfig
from monoface.data.sources.aflw2000 import Aflw2000
from monoface.data.sources.archive import TarImages
from monoface.pipeline.plausibility import human_probability

_WRONG_PERCENT = 5.0
_GREYS = (60, 128, 210)
_PENALTY = 1e-2
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


@dataclass(frozen=True)
class Seen:
    """The face that a picture is said to show.

    Attributes:
        kind: Of the picture.
        score: Probability of a face, by the detector.
        confidence: As it is told.
        yaw_deg: Turn of the head to the side.
        error_percent: Distance of landmarks from the truth; NaN where there is none.
    """

    kind: str
    score: float
    confidence: float
    yaw_deg: float
    error_percent: float

    @property
    def plain(self) -> float:
        """Confidence of the regressor alone."""
        return _inverse(self.confidence, self.score, self.yaw_deg)


def _inverse(confidence: float, score: float, yaw_deg: float) -> float:
    """The regressor's confidence that gives a face's one, by bisection: the latter grows with it."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (
            (middle, high)
            if middle * human_probability(middle, score, yaw_deg) < confidence
            else (low, middle)
        )
    return (low + high) / 2


def turned_portraits(folder: Path, count: int, *, all_steps: bool) -> Iterator[tuple[np.ndarray, float]]:
    """Square portraits on grey, upright and then turned: each by one more step of 15 degrees, or by all."""
    images = TarImages(folder)
    names = sorted(images.names)[:: max(1, len(images) // count)][:count]
    for number, name in enumerate(names):
        picture = Image.fromarray(images.decode(name))
        canvas = Image.new("RGB", (round(1.45 * picture.width),) * 2, (128,) * 3)
        canvas.paste(picture, ((canvas.width - picture.width) // 2, (canvas.height - picture.height) // 2))
        for step in range(24) if all_steps else (0, 1 + number % 23):
            yield (
                np.asarray(canvas.rotate(-15 * step, Image.Resampling.BICUBIC, fillcolor=(128,) * 3)),
                15.0 * step,
            )


def animals(folder: Path) -> Iterator[np.ndarray]:
    """Each picture at two sizes on two greys, the second one turned."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    for number, path in enumerate(paths):
        with Image.open(path) as image:
            picture = image.convert("RGBA")
        for side, angle in ((300, 0), (220, 37 * number % 360)):
            small = picture.resize((side, side * picture.height // picture.width))
            grey = (_GREYS[(number + angle) % len(_GREYS)],) * 3
            canvas = Image.new("RGBA", (side * 3 // 2, small.height * 3 // 2), (*grey, 255))
            canvas.alpha_composite(small, (side // 4, small.height // 4))
            yield np.asarray(canvas.convert("RGB").rotate(angle, fillcolor=grey))


def look(
    reconstructor: Reconstructor, data: Path, portraits: Iterator[tuple[np.ndarray, float]], folder: Path
) -> tuple[list[Seen], dict[str, int]]:
    """Faces of all pictures, and how many pictures there are of each kind."""
    seen, counts = [], {"wild": 0, "turned": 0, "animal": 0}

    def add(kind: str, image: np.ndarray, truth_px: np.ndarray | None = None) -> np.ndarray | None:
        counts[kind] += 1
        best = None
        for face in reconstructor.reconstruct(image).all_faces:
            error = math.nan
            if truth_px is not None:
                size = np.ptp(truth_px, axis=0).max()
                error = 100 * float(np.linalg.norm(face.landmarks68_px - truth_px, axis=1).mean() / size)
            one = Seen(kind, face.score, face.confidence, face.yaw_deg, error)
            if (
                best is None
                or error < best[0].error_percent
                or one.confidence > best[0].confidence > 0 > error
            ):
                best = one, face.landmarks68_px
        if best is None:
            return None
        seen.append(best[0])
        return best[1]

    for photo in Aflw2000.from_packed(data / "aflw2000_dev"):
        add("wild", photo.image, photo.points68_px[:, :2])
    upright_px = None
    for image, roll_deg in portraits:
        if not roll_deg:
            upright_px = add("turned", image)
        elif upright_px is not None:
            cosine, sine = math.cos(math.radians(roll_deg)), math.sin(math.radians(roll_deg))
            middle = image.shape[0] / 2
            add("turned", image, (upright_px - middle) @ np.array([[cosine, sine], [-sine, cosine]]) + middle)
    for image in animals(folder):
        add("animal", image)
    return seen, counts


def report(seen: list[Seen], counts: dict[str, int]) -> None:
    """Print what is ok and wrong at several thresholds."""
    kind = np.array([one.kind for one in seen])
    confidence = np.array([one.confidence for one in seen])
    error = np.array([one.error_percent for one in seen])
    for name, count in counts.items():
        chosen = confidence[kind == name]
        print(
            f"{name}: {count} pictures, {len(chosen)} faces, confidence 2/50/98 %: "
            f"{np.percentile(chosen, (2, 50, 98)).round(2) if len(chosen) else '-'}"
        )
    doubtful = kind != "wild"
    wrong = (kind == "animal") | ((kind == "turned") & (error > _WRONG_PERCENT))
    for threshold in (0.1, 0.3, 0.4, 0.5, 0.6, 0.7):
        sure = confidence >= threshold
        ok = (sure & doubtful).sum()
        print(
            f"min_confidence {threshold}: of {ok} turned or animal faces that are ok "
            f"{(sure & wrong).sum()} wrong ({100 * (sure & wrong).sum() / max(ok, 1):.1f} %), "
            f"animals {(sure & (kind == 'animal')).sum()}; "
            f"photos in the wild kept {100 * sure[kind == 'wild'].sum() / counts['wild']:.1f} %"
        )


def fitted(seen: list[Seen]) -> None:
    """Print the constants that tell human faces from animals', fitted to half of the pictures and to all."""
    logit = lambda p: np.log(np.clip(p, 1e-4, 1 - 1e-4) / (1 - np.clip(p, 1e-4, 1 - 1e-4)))  # noqa: E731
    scores, plain = np.array([one.score for one in seen]), np.array([one.plain for one in seen])
    turned = 1 - np.cos(np.radians([one.yaw_deg for one in seen]))
    design = np.stack([logit(scores), logit(plain), turned, np.ones(len(seen))], axis=1)
    human = np.array([one.kind != "animal" for one in seen], float)
    for name, rows in (("every other picture", slice(0, None, 2)), ("all pictures", slice(None))):
        weight = np.zeros(4)
        for _ in range(100):
            told = 1 / (1 + np.exp(-design[rows] @ weight))
            curvature = (design[rows].T * (told * (1 - told))) @ design[rows] + _PENALTY * np.eye(4)
            gradient = design[rows].T @ (told - human[rows]) + _PENALTY * weight
            weight -= np.linalg.solve(curvature, gradient)
        other = 1 / (1 + np.exp(-design[1::2] @ weight))
        missed = ((other > 0.5) != (human[1::2] > 0.5)).sum()
        print(
            f"{name}: score {weight[0]:.2f}, confidence {weight[1]:.2f}, turned {weight[2]:.2f}, "
            f"offset {weight[3]:.2f}; "
            f"wrong about {missed} of {len(other)} others"
        )


def main() -> None:
    """Run the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--animals", type=Path, required=True, help="folder of pictures of animals")
    parser.add_argument("--portraits", default="portraits_cc0", help="data set of the portraits to turn")
    parser.add_argument("--count", type=int, default=100, help="how many portraits")
    parser.add_argument("--all-steps", action="store_true", help="turn each by all steps of 15 degrees")
    parser.add_argument("--weights", default=ReconstructorConfig.weights, help="name or path")
    arguments = parser.parse_args()
    reconstructor = Reconstructor(ReconstructorConfig(weights=arguments.weights))
    portraits = turned_portraits(
        arguments.data / arguments.portraits, arguments.count, all_steps=arguments.all_steps
    )
    seen, counts = look(reconstructor, arguments.data, portraits, arguments.animals)
    report(seen, counts)
    fitted(seen)


if __name__ == "__main__":
    main()
