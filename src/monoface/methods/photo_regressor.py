"""What regressors share that learn geometry, albedo and light from photos, by drawing what they say."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.core.errors import ConfigError
from monoface.data.batches.view_batch import MultiViewBatch
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.facemodel.region_mesh import RegionMesh
from monoface.losses.coefficients import gaussian_prior
from monoface.methods.contract import StepResult
from monoface.methods.rendered_faces import RenderedFaces, appearance_terms, picture_distance, reduced
from monoface.methods.supervision import KnownFaces, PosedPrediction, Supervision, SupervisionConfig
from monoface.networks import Regressor, RegressorConfig, ResNetConfig
from monoface.networks.identity import IdentityEncoder


@dataclass(frozen=True)
class PhotoRegressorConfig:
    """What single photos teach, and how much.

    Attributes:
        backbone: The regressor's network.
        view_px: Side of the crops that batches bring.
        input_px: Side at which the network sees them.
        render_px: Side at which faces are drawn and pictures compared.
        region: Region of the face model that is drawn.
        supervision: What is known about single views, as in `pretrain`; but of identity only what synthetic
            heads tell.
        photometric: Weight of the colour distance of drawn faces from photos, over the skin.
        skin_threshold: Probability of skin from which a pixel counts fully; below, it counts so much.
        perceptual: Weight of what an identity encoder sees, if one is given.
        albedo: Weight of squared errors of albedo coefficients where they are known.
        light: Weight of squared errors of lights where they are known.
        albedo_prior: Weight of squared albedo coefficients where they are not known.
        white_light: Weight of the light's deviation from grey where it is not known.
        identity_gaussian: Weight of squared identity coefficients, known or not, as published.
        expression_gaussian: The same of expressions.
    """

    backbone: ResNetConfig = field(default_factory=ResNetConfig)
    view_px: int = 224
    input_px: int = 120
    render_px: int = 112
    region: str = "face"
    supervision: SupervisionConfig = field(
        default_factory=lambda: SupervisionConfig(
            shape_weight=1.5, absolute_scale=False, identity_weight=0.5, photo_shape_weight=0.0
        )
    )
    photometric: float = 4.0
    skin_threshold: float = 0.5
    perceptual: float = 0.2
    albedo: float = 0.3
    light: float = 0.3
    albedo_prior: float = 0.05
    white_light: float = 0.3
    identity_gaussian: float = 0.0
    expression_gaussian: float = 0.0

    def __post_init__(self) -> None:
        sides = self.view_px, self.input_px, self.render_px
        if min(sides) < 16 or max(sides) > self.view_px:
            raise ConfigError(
                f"method: expected input_px and render_px of 16 to view_px, got {sides[1:]} and {sides[0]}."
            )
        if self.backbone.in_channels != 3:
            raise ConfigError(
                f"method: expected a backbone of 3 input channels, got {self.backbone.in_channels}."
            )

    @property
    def term_weights(self) -> Mapping[str, float]:
        """Weight of each term by its name."""
        names = ("photometric", "perceptual", "albedo", "light", "albedo_prior", "white_light",
                 "identity_gaussian", "expression_gaussian")  # fmt: skip
        return self.supervision.term_weights | {name: getattr(self, name) for name in names}


class PhotoRegressor(nn.Module, ABC):
    """Regressor of identity, expression, pose, albedo and light.

    Args:
        model: The face model; has the sets of the supervision and `ibug68`.
        config: Weights.
        encoder: Says who a face is, for the perceptual term; without it there is none.
        focal_per_size: Focal length in sides of the crop; None for weak perspective.
        regressor: What learns; a network of its own by default.
    """

    def __init__(
        self,
        model: FaceModel,
        config: PhotoRegressorConfig,
        encoder: IdentityEncoder | None,
        focal_per_size: float | None = None,
        regressor: Regressor | None = None,
    ) -> None:
        super().__init__()
        geometry = CoefficientLayout.of(model)
        layout = replace(geometry, albedo=model.albedo_size, light=True, focal_per_size=focal_per_size)
        self.config = config
        self.layout = layout
        self.supervision = Supervision(model, config.view_px, config.supervision, layout)
        self.mesh = RegionMesh(model, config.region)
        self.encoder = encoder
        own = RegressorConfig(layout.size, config.input_px, config.backbone)
        self.regressor = regressor or Regressor(own)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The regressor alone."""
        return {"regressor": self.regressor}

    @property
    @abstractmethod
    def set_names(self) -> tuple[str, ...]:
        """Landmark sets that batches should carry."""

    def step(self, batch: MultiViewBatch) -> StepResult:
        """Losses of one batch."""
        photo = batch.image.flatten(0, 1)
        with torch.autocast(photo.device.type, enabled=False):
            seen = reduced(photo, self.config.input_px)
        output, log_error = self.regressor(seen.contiguous(memory_format=torch.channels_last))
        # The eight bits of precision that autocast keeps are too few for geometry.
        with torch.autocast(photo.device.type, enabled=False):
            terms = self.terms(output, log_error, photo, batch)
        weights = self.config.term_weights
        means = {name: value.mean() for name, value in terms.items()}
        total = torch.stack([weights[name] * value for name, value in means.items()]).sum()
        logged = torch.stack(list(means.values())).detach().tolist()
        return StepResult({"regressor": total}, dict(zip(means, logged, strict=True)))

    @abstractmethod
    def terms(
        self,
        output: Float[Tensor, "views outputs"],
        log_error: Float[Tensor, " views"],
        photo: Float[Tensor, "views 3 side side"],
        batch: MultiViewBatch,
    ) -> dict[str, Tensor]:
        """Every term by name, before weighting: a value for each view, or for each sample.

        Args:
            output: Of the network.
            log_error: The expected error.
            photo: The views of all samples.
            batch: What is known about them.
        """

    def supervised(
        self,
        posed: PosedPrediction,
        log_error: Float[Tensor, " views"],
        batch: MultiViewBatch,
        known: KnownFaces | None = None,
    ) -> dict[str, Float[Tensor, " views"]]:
        """What is known about single views, and what coefficients are usually like."""
        terms = self.supervision.terms(posed, log_error, batch.single_views(), known)
        found = posed.coefficients
        if self.config.identity_gaussian:
            terms["identity_gaussian"] = gaussian_prior(found.identity)
        if self.config.expression_gaussian:
            terms["expression_gaussian"] = gaussian_prior(found.expression)
        return terms

    def picture_terms(
        self, posed: PosedPrediction, drawn: RenderedFaces, photo: Tensor, batch: MultiViewBatch
    ) -> dict[str, Float[Tensor, " views"]]:
        """Colours of drawn faces, and what albedo and light are, or usually are like.

        Args:
            posed: Predicted faces, of which nothing is shared between views.
            drawn: The faces as they were drawn.
            photo: The views at the size of the drawn pictures.
            batch: What is known about them.
        """
        config, skin = self.config, batch.skin.flatten(0, 1)
        # What nobody tells is no better known than in photos.
        lit = batch.lit.flatten() & bool(config.albedo or config.light)
        terms = {"photometric": picture_distance(drawn, photo, skin, config.skin_threshold)}
        return terms | appearance_terms(self.layout, posed.coefficients, batch.outputs.flatten(0, 1), lit)
