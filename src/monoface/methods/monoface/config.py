"""What the flagship is trained on, and how it weighs its terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from monoface.core.errors import ConfigError
from monoface.facemodel.mirroring import PointSets
from monoface.methods.detail import CoarseConfig
from monoface.methods.mgcnet import MgcnetConfig, ViewTermsConfig
from monoface.methods.supervision import SupervisionConfig
from monoface.methods.twodasl import SelfTermsConfig
from monoface.networks import ResNetConfig

COARSE = "coarse_"
"""What Detail's coarse terms are called by, before the name that they have there."""


@dataclass(frozen=True)
class OpeningConfig:
    """How openings of eyes and mouth are compared; all lengths are in percent of the face's size.

    Attributes:
        closed: Opening of lids below which eyes count more, up to `rare` times more where they are shut.
        wide: Opening of lips above which mouths count more, up to `rare` times more at twice as much.
        rare: How much more.
        smooth: Difference below which errors count like squares.
    """

    closed: float = 3.0
    wide: float = 8.0
    rare: float = 3.0
    smooth: float = 0.5

    def __post_init__(self) -> None:
        if min(self.closed, self.wide, self.smooth) <= 0 or self.rare < 0:
            raise ConfigError(
                "openings: expected closed, wide and smooth above 0 and rare of at least 0, got "
                f"{self.closed}, {self.wide}, {self.smooth} and {self.rare}."
            )


@dataclass(frozen=True)
class PictureConfig:
    """How pictures of views are compared with faces drawn from what is found in them.

    Attributes:
        view_px: Side of the crops that batches of views bring.
        render_px: Side at which faces are drawn.
        region: Region of the face model that is drawn.
        photometric: Weight of the colour distance over the skin, of each system.
        skin_threshold: Probability of skin from which a pixel counts fully; below, it counts so much.
        perceptual: Weight of what an identity encoder sees, of each system.
        landmarks: Weight of Detail's squared distances of weighted points, in pixels.
        contour: Weight of Detail's squared distances of the outline, in pixels.
        albedo: Weight of squared errors of albedo coefficients where they are known.
        light: Weight of squared errors of lights where they are known.
        albedo_prior: Weight of squared albedo coefficients where they are not known.
        white_light: Weight of the light's deviation from grey where it is not known.
    """

    view_px: int = 224
    render_px: int = 112
    region: str = "face"
    photometric: float = 2.0
    skin_threshold: float = 0.5
    perceptual: float = 0.1
    landmarks: float = 0.01
    contour: float = 0.01
    albedo: float = 0.3
    light: float = 0.3
    albedo_prior: float = 0.05
    white_light: float = 0.3


@dataclass(frozen=True)
class MonofaceConfig:
    """What the flagship weighs how.

    Attributes:
        backbone: The regressor's network; sees RGB and a landmark map.
        crop_px: Side of its crops.
        supervision: What is known about samples, as in `pretrain`.
        neutral: Weight of the distance of neutral faces from their labels, in mm, size and place taken off.
        neutral_points: How many points stand for the neutral face.
        openings: Weight of the openings of eyes and mouth, in percent of the face's size.
        opening: How they are compared.
        points: Weight of the surprise about marked points, given the points that the network finds.
        point_sets: Landmark sets whose points it finds, each with a step; 1 takes all points.
        twodasl: Whether 2DASL's terms teach: looking twice, the weighed coefficients and the critic.
        mgcnet: Whether MGCNet's terms teach: what views of one person have in common.
        detail: Whether Detail's coarse terms teach: outline, weighted points, and each view as a photo of
            its own.
        detail_share: Share of the samples of views that they see; they cost most.
        looks: Landmark maps, and the weights of 2DASL's terms.
        views: The weights of MGCNet's terms between views.
        pictures: How pictures are compared.
    """

    backbone: ResNetConfig = field(default_factory=lambda: ResNetConfig(in_channels=4))
    crop_px: int = 120
    supervision: SupervisionConfig = field(
        default_factory=lambda: SupervisionConfig(
            set_weights={
                "aflw21": 0.5,
                "facemesh468": 0.3,
                "ibug68_contour": 0.5,
                "ibug68_reannotated": 0.5,
            },
            absolute_scale=False,
            identity_weight=0.1,
            expression_robust=0.15,
        )
    )
    neutral: float = 3.0
    neutral_points: int = 300
    openings: float = 1.0
    opening: OpeningConfig = field(default_factory=OpeningConfig)
    points: float = 0.3
    point_sets: PointSets = (("ibug68_reannotated", 1), ("facemesh468", 3))
    twodasl: bool = True
    mgcnet: bool = True
    detail: bool = True
    detail_share: float = 0.34
    looks: SelfTermsConfig = field(default_factory=lambda: SelfTermsConfig(critic_share=0.125))
    views: ViewTermsConfig = field(default_factory=ViewTermsConfig)
    pictures: PictureConfig = field(default_factory=PictureConfig)

    def __post_init__(self) -> None:
        if self.backbone.in_channels != 4:
            raise ConfigError(
                "monoface: expected a backbone of 4 input channels (RGB and landmark map), "
                f"got {self.backbone.in_channels}."
            )
        if self.neutral_points < 1 or not 0 < self.detail_share <= 1:
            raise ConfigError(
                "monoface: expected neutral_points of at least 1 and a detail_share above 0 and at most 1, "
                f"got {self.neutral_points} and {self.detail_share}."
            )

    @property
    def between_views(self) -> MgcnetConfig:
        """MGCNet's terms, in its own form; what is known about single views is told elsewhere."""
        pictures = self.pictures
        return MgcnetConfig(
            view_px=pictures.view_px,
            input_px=self.crop_px,
            render_px=pictures.render_px,
            region=pictures.region,
            # The sets whose points views share.
            supervision=replace(SupervisionConfig.nothing(), set_weights=self.supervision.set_weights),
            photometric=pictures.photometric,
            skin_threshold=pictures.skin_threshold,
            perceptual=pictures.perceptual,
            focal_per_size=None,
            views=self.views,
        )

    @property
    def single_views(self) -> CoarseConfig:
        """Detail's coarse terms, likewise."""
        pictures = self.pictures
        return CoarseConfig(
            view_px=pictures.view_px,
            input_px=self.crop_px,
            render_px=pictures.render_px,
            region=pictures.region,
            supervision=SupervisionConfig.nothing(),
            photometric=pictures.photometric,
            skin_threshold=pictures.skin_threshold,
            perceptual=pictures.perceptual,
            landmarks=pictures.landmarks,
            contour=pictures.contour,
        )

    @property
    def look_weights(self) -> Mapping[str, float]:
        """Weight of each term that compares a look with what is known."""
        own = {"neutral": self.neutral, "openings": self.openings, "points": self.points}
        return self.supervision.term_weights | own | {"coefficients": self.looks.coefficients}

    @property
    def appearance_weights(self) -> Mapping[str, float]:
        """Weight of each term on albedo and light."""
        names = ("albedo", "light", "albedo_prior", "white_light")
        return {name: getattr(self.pictures, name) for name in names}
