"""`monoface train likeness --init FILE --people DIR --data DATA --out FILE`: who people are."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from monoface.cli.train import run_training
from monoface.core.assets import register_asset
from monoface.core.progress import say
from monoface.data.sources import Cfp
from monoface.evaluation.people.neutral_shapes import apart_mm, from_mean_mm, narrow_faces
from monoface.evaluation.people.profile_fit import ProfileFitter
from monoface.evaluation.people.profile_people import ProfilePeople
from monoface.evaluation.people.profiles import score
from monoface.facemodel import FaceModel, load_default_model
from monoface.training.likeness.config import TrainLikenessConfig
from monoface.training.likeness.judging import ProfileScore
from monoface.training.likeness.landmarks import SOURCE, learn_landmark_habits, strength_mm
from monoface.training.likeness.people_evidence import PROFILES
from monoface.training.likeness.people_map import KnownPeople
from monoface.training.likeness.stage import train_likeness

_ALL = 10_000


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    return run_training(TrainLikenessConfig, "likeness", arguments, _train, "--weights")


def _train(config: TrainLikenessConfig) -> Path:
    model, folder = load_default_model(), config.data / PROFILES
    path = train_likeness(config, Teacher(model, folder), Judge(model, folder), say)
    if (config.data / SOURCE).is_dir():
        habits = learn_landmark_habits(path, config.data)
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
