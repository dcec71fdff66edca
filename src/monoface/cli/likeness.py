"""`monoface train likeness --init FILE --people DIR --data DATA --out FILE`: who people are."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, UInt8

from monoface.cli.train import run_training
from monoface.core.assets import register_asset
from monoface.core.progress import say
from monoface.data.sources import Cfp
from monoface.evaluation.people.neutral_shapes import apart_mm, from_mean_mm, narrow_faces
from monoface.evaluation.people.profile_fit import ProfileFitter
from monoface.evaluation.people.profile_people import ProfilePeople
from monoface.evaluation.people.profiles import score
from monoface.evaluation.scans.scan import ShapeRater
from monoface.evaluation.scans.scan_data import MM_PER_UNIT, HeadScan, landmarks_of
from monoface.evaluation.scans.scan_photos import ScanView, middle_of_face, take_photo
from monoface.facemodel import FaceModel, open_face_model
from monoface.networks import load_regressor
from monoface.regression import check_space, weights_path
from monoface.training.likeness.config import TrainLikenessConfig
from monoface.training.likeness.judging import ProfileScore
from monoface.training.likeness.landmarks import SOURCE, learn_landmark_habits, strength_mm
from monoface.training.likeness.marked import LANDMARK_SET
from monoface.training.likeness.people_evidence import PROFILES
from monoface.training.likeness.people_map import KnownPeople
from monoface.training.likeness.stage import train_likeness

_ALL = 10_000
SCAN: Final = "scan"
"""Folder of the data that holds a head scan."""
_SCAN_VIEWS = [ScanView(yaw, distance, "even") for yaw in (0.0, 20.0, -20.0) for distance in (500.0, 1500.0)]


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    return run_training(TrainLikenessConfig, "likeness", arguments, _train, "--weights")


def _train(config: TrainLikenessConfig) -> Path:
    model, folder = open_face_model(config.face_model), config.data / PROFILES
    # Before minutes of work: what is wrong with these two does not depend on photos.
    check_space(config.init.name, load_regressor(weights_path(config.init))[1], model)
    model.require_landmarks(("ibug68", LANDMARK_SET), "train likeness")
    scan = config.data / SCAN
    path = train_likeness(
        config,
        Teacher(model, folder),
        Judge(model, folder),
        say,
        Scanned(model, scan) if scan.is_dir() else None,
    )
    if (config.data / SOURCE).is_dir():
        habits = learn_landmark_habits(path, config.data, config.face_model)
        card = json.loads(path.with_name(f"{path.stem}.card.json").read_text(encoding="utf-8"))
        register_asset(path, card)
        say("landmarks: " + ", ".join(f"{name} {mm:.2f} mm" for name, mm in strength_mm(habits).items()))
    return path


class Teacher:
    """Marked profiles of people who may teach: a `ProfileTeacher`.

    Args:
        model: The face model.
        folder: Of the source of profiles.
    """

    def __init__(self, model: FaceModel, folder: Path) -> None:
        people = ProfilePeople.of(Cfp(folder, split="train"), _ALL)
        self.people = people.names
        self._fitter = ProfileFitter(model, people.marked)

    def __call__(self, identity: Float[np.ndarray, "people identity"]) -> KnownPeople:
        """What the profiles say; see `ProfileTeacher`."""
        return KnownPeople(*self._fitter.evidence(identity))


class Scanned:
    """`monoface evaluate scan` for a few photos: a `ScanJudge`.

    Args:
        model: The face model.
        folder: Of the scan.
    """

    def __init__(self, model: FaceModel, folder: Path) -> None:
        scan = HeadScan.read(folder, MM_PER_UNIT)
        landmarks_mm = landmarks_of(scan, MM_PER_UNIT)
        self.name = scan.name
        self._rater = ShapeRater(scan, landmarks_mm, model)
        middle_mm = middle_of_face(landmarks_mm)
        self.pictures: Sequence[UInt8[np.ndarray, "height width 3"]] = [
            take_photo(scan, view, middle_mm) for view in _SCAN_VIEWS
        ]

    def __call__(self, identity: Float[np.ndarray, " identity"]) -> float:
        """Median distance; infinite if the shape could not be laid on the scan."""
        return self._rater.rate(identity.astype(np.float64)).errors.get("median_mm", np.inf)


class Judge:
    """`monoface evaluate profiles` for validation people: a `ProfileJudge`.

    Args:
        model: The face model.
        folder: Of the source of profiles.
    """

    def __init__(self, model: FaceModel, folder: Path) -> None:
        people = ProfilePeople.of(Cfp(folder, split="val"), _ALL)
        self.people = people.names
        self._model = model
        self._fitter = ProfileFitter(model, people.marked)
        self._bounds = self._fitter.pose(), self._fitter.pose(self._fitter.fit())

    def __call__(self, identity: Float[np.ndarray, "people identity"]) -> ProfileScore:
        """Score shapes of these people, in their order."""
        shapes = narrow_faces(self._model, torch.from_numpy(identity))
        posed = self._fitter.pose(identity)
        scores = score(self._fitter, identity, posed, from_mean_mm(shapes).numpy(), self._bounds)
        names = ("knows_percent", "over_another_percent", "spread_mm")
        return ProfileScore(*(float(scores[name].mean()) for name in names))

    def apart_mm(
        self, first: Float[np.ndarray, "faces identity"], second: Float[np.ndarray, "faces identity"]
    ) -> Float[np.ndarray, " faces"]:
        """How far neutral shapes lie apart; see `ProfileJudge`."""
        shapes = (narrow_faces(self._model, torch.from_numpy(one)) for one in (first, second))
        return apart_mm(*shapes).double().numpy()
