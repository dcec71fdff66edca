"""What the configurations of all regressors' trainings have in common."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from monoface.data.batches.augment import AugmentConfig
from monoface.data.recipes.photo_recipe import RecipeConfig
from monoface.data.recipes.shares import check_shares
from monoface.facemodel import face_model_file
from monoface.training.engine.cards import named_file, recorded_config
from monoface.training.engine.config import TrainConfig


@dataclass(frozen=True)
class RegressorRunConfig:
    """Train a regressor.

    Attributes:
        data: Folder that holds the sources (`aflw`, `ytf`, …).
        out: Folder of the run: packs, checkpoints, log and, at the end, the weights.
        packs: Folder of packs; those it lacks are made. `OUT/packs` by default.
        train: How long and how fast.
        init: Weights to start from, a file or the name of shipped ones; random ones if absent. A network with
            a landmark map may start from one without, one with albedo and light from one of geometry alone.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default.
    """

    METHOD: ClassVar[str]

    data: Path
    out: Path
    packs: Path | None = None
    train: TrainConfig = field(default_factory=TrainConfig)
    init: Path | None = None
    face_model: Path | None = None

    def recorded(self) -> dict[str, Any]:
        """The configuration as JSON values for the card: folders are the user's own and are left out."""
        return recorded_config(self) | {
            "data": None,
            "out": None,
            "packs": None,
            "face_model": named_file(face_model_file(self.face_model)),
        }


@dataclass(frozen=True)
class TrainRegressorConfig(RegressorRunConfig):
    """Train a regressor on single photos.

    Attributes:
        recipe: Which photos are used, and how.
        shares: How much of a batch comes from each pack, by name; packs without a share are not
            used. `_aside` packs exist in a second round only.
        augment: How crops vary.
    """

    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    shares: dict[str, float] = field(
        default_factory=lambda: {
            "aflw": 0.36, "aflw_aside": 0.2, "aflw_turned": 0.12, "ytf": 0.05, "ytf_turned": 0.04,
            "lfw": 0.07, "lfw_turned": 0.06, "omi": 0.02, "omi_turned": 0.02, "portraits_cc0": 0.01,
            "portraits_cc0_turned": 0.01, "heads": 0.04,
        }
    )  # fmt: skip
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        check_shares(self.shares, self.recipe)
