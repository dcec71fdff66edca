"""What benchmarks on heads of our own drawing share: which heads, whose weights, and what scores them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from monoface.core.arrays import in_torch
from monoface.core.assets import sha256_of
from monoface.core.errors import ConfigError
from monoface.evaluation.config import WeightsConfig
from monoface.evaluation.landmarks.predictors import looks_text
from monoface.evaluation.reconstructed import AS_RECONSTRUCT, ReconstructedFaces
from monoface.evaluation.synthetic.heads_score import FindInSquare, HeadScorer, one_look, through_pipeline
from monoface.evaluation.synthetic.heads_truth import Correspondence, HeadPainter, source_model
from monoface.facemodel import FaceModel, read_ict_facekit
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.pipeline import MadeWith, Reconstructor, ReconstructorConfig


@dataclass(frozen=True)
class SyntheticHeadsConfig(WeightsConfig):
    """Which heads are drawn, whose weights see them, and where the report goes.

    Attributes:
        out: JSON file to write; the page goes beside it, as .html.
        source_model: The user's copy of ICT-FaceKit, folder or .npz: heads are drawn from all its modes.
        detail_mm: Height of bumps that are of no model; 0 draws none.
        seed: Of the heads. Figures with different seeds are of different heads.
        mirror: Look at the mirror image too, and take the mean, as `monoface reconstruct` does.
        as_reconstruct: Measure faces as `monoface reconstruct` makes them from the true crop, with its own
            passes, rather than one look of the regressor.
    """

    out: Path
    source_model: Path | None = None
    detail_mm: float = 0.0
    seed: int = 0
    mirror: bool = ReconstructorConfig.mirror
    as_reconstruct: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.detail_mm <= 5:
            raise ConfigError(f"detail_mm: expected 0 to 5, got {self.detail_mm}.")

    @property
    def sampled_from(self) -> str:
        """The faces, for a definition of what is measured."""
        model = "the source" if self.source_model else "the default"
        return f"{model} face model{', with bumps that are of no model' if self.detail_mm else ''}"

    @property
    def settings(self) -> dict[str, str]:
        """What the report tells about them."""
        settings = {
            "seed": str(self.seed),
            "detail": f"{self.detail_mm:g} mm",
            "looks": AS_RECONSTRUCT if self.as_reconstruct else looks_text(1, mirror=self.mirror),
        }
        if self.source_model is not None and self.source_model.is_file():
            settings["SHA-256 of the source model"] = sha256_of(self.source_model)
        return settings


@dataclass(frozen=True, eq=False)
class HeadTools:
    """What draws heads and scores weights on them.

    Attributes:
        painter: Draws the heads of a face model.
        scorer: Scores the weights.
        face_model: That of the weights.
        made_with: Which weights and face model these are.
    """

    painter: HeadPainter
    scorer: HeadScorer
    face_model: FaceModel
    made_with: MadeWith

    @classmethod
    def open(cls, config: SyntheticHeadsConfig) -> Self:
        """The weights and heads of a configuration.

        Raises:
            ConfigError: If there are no such weights, no such device, or libigl is not installed.
            AssetError: If a shipped file is damaged.
            ModelFileError: If weights or a face model cannot be read, or do not belong together.
        """
        find, model, made_with = _finder(config)
        true_model, correspondence = model, Correspondence.identity(len(model.mean_mm))
        if config.source_model is not None:
            true_model, correspondence = source_model(read_ict_facekit(config.source_model), model)
        scorer = HeadScorer(find, model, true_model, correspondence)
        return cls(HeadPainter(true_model, config.detail_mm), scorer, model, made_with)


def _finder(config: SyntheticHeadsConfig) -> tuple[FindInSquare, FaceModel, MadeWith]:
    """What finds faces in true crops, its face model, and which weights these are."""
    if config.as_reconstruct:
        faces = ReconstructedFaces(config.weights, config.face_model, config.device)
        return through_pipeline(faces), faces.model, faces.made_with
    tools = Reconstructor(
        ReconstructorConfig(weights=config.weights, device=config.device, face_model=config.face_model)
    )
    model = FaceModel(in_torch(tools.face_model.data))
    mirror = CoefficientMirror(model) if config.mirror else None
    return one_look(tools.regressor, mirror), model, tools.made_with
