"""What 2DASL is trained on, and how it weighs its terms."""

from dataclasses import dataclass, field
from typing import Literal, Self

from monoface.core.errors import ConfigError
from monoface.losses.adversarial import Game
from monoface.losses.weighted_coefficients import Normaliser
from monoface.methods.supervision import SupervisionConfig
from monoface.networks import CriticConfig, LandmarkMapConfig, ResNetConfig

LANDMARK_WEIGHTS = (1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 2, 1, 1, 4, 1, 2, 4, 2)
"""Weight of each of the 18 points: brows 1, eye corners 1 and centres 2, nose tip 4, mouth 2, 4, 2."""

_PUBLISHED_POINTS, _PUBLISHED_COEFFICIENTS = 18, 62


@dataclass(frozen=True)
class MapTrainingConfig:
    """What the landmark maps of training show: at inference there is none at first, then an inexact one.

    Attributes:
        empty: Share of samples whose map is empty.
        jitter: Standard deviation of each point's shift, in parts of the crop; a sample's own lies
            anywhere between none and this.
        displaced: Share of samples whose whole map is shifted and scaled.
        displacement: Standard deviation of that shift, in parts of the crop, and of the logarithm of scale.
        sparse: Share of samples that lack points.
        missing: Share of points that those lack.
    """

    empty: float = 0.4
    jitter: float = 0.025
    displaced: float = 0.2
    displacement: float = 0.05
    sparse: float = 0.3
    missing: float = 0.4

    def __post_init__(self) -> None:
        shares = (self.empty, self.displaced, self.sparse, self.missing)
        if not all(0 <= share <= 1 for share in shares) or min(self.jitter, self.displacement) < 0:
            raise ConfigError(
                "maps: expected shares in 0..1 and deviations of at least 0, got "
                f"{shares} and {(self.jitter, self.displacement)}."
            )

    @classmethod
    def published(cls) -> "MapTrainingConfig":
        """Every map shows the landmarks as they are."""
        return cls(empty=0, jitter=0, displaced=0, sparse=0)


@dataclass(frozen=True)
class SelfTermsConfig:
    """What is learned from landmark maps, from looking twice, and from a critic.

    Attributes:
        flm: How landmark maps are drawn.
        maps: What they show in training.
        cycle_share: Share of the batch that the network sees again, with its own landmarks as map.
        second_pass: Weight of the supervision of this second look.
        coefficients: Weight of squared coefficient errors, weighed by what each coefficient moves.
        coefficient_norm: Whether these weights are divided by their largest or by their sum.
        coefficient_depth: Whether movement along the viewing axis counts.
        consistency_2d: Weight of squared distances, in pixels, of projected landmarks from given ones.
        consistency_3d: Weight of squared distances, in mm, of landmarks of the two looks, without pose.
        cycle: Weight of squared distances, in pixels, of the second look's landmarks from given ones.
        self_critic: Weight of the critic's opinion.
        game: How critic and regressor play.
        critic_share: Share of the batch that the critic sees.
        critic_on_labelled: Whether the regressor's answers to labelled samples are judged too.
        critic: The critic's network.
    """

    flm: LandmarkMapConfig = field(default_factory=LandmarkMapConfig)
    maps: MapTrainingConfig = field(default_factory=MapTrainingConfig)
    cycle_share: float = 0.25
    second_pass: float = 0.5
    coefficients: float = 10.0
    coefficient_norm: Normaliser = "max"
    coefficient_depth: bool = True
    consistency_2d: float = 0.005
    consistency_3d: float = 0.005
    cycle: float = 0.005
    self_critic: float = 0.01
    game: Game = "non_saturating"
    critic_share: float = 0.25
    critic_on_labelled: bool = True
    critic: CriticConfig = field(default_factory=CriticConfig)

    def __post_init__(self) -> None:
        for name in ("cycle_share", "critic_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"twodasl: expected a {name} in 0..1, got {getattr(self, name)}.")

    @property
    def self_weights(self) -> dict[str, float]:
        """Weight of each term that no label is needed for, by its name."""
        names = ("consistency_2d", "consistency_3d", "cycle", "self_critic")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class TwoDaslConfig(SelfTermsConfig):
    """What 2DASL weighs how. The default is what we train; `published` has the paper's weights.

    Attributes:
        backbone: The regressor's network; sees four channels.
        crop_px: Side of its crops.
        supervision: What is known about samples, as in `pretrain`; applies to both passes.
        stage: `full` has all terms; `vdc` fine-tunes on the posed vertices alone.
        gaps: Weight of the gaps between lids and between lips, as a fraction of their width.
        vdc: Weight of squared distances, in pixels, of posed vertices in the stage `vdc`.
    """

    backbone: ResNetConfig = field(default_factory=lambda: ResNetConfig(in_channels=4))
    crop_px: int = 120
    supervision: SupervisionConfig = field(default_factory=SupervisionConfig)
    stage: Literal["full", "vdc"] = "full"
    gaps: float = 3.0
    vdc: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.backbone.in_channels != 4:
            raise ConfigError(
                "twodasl: expected a backbone of 4 input channels (RGB and landmark map), "
                f"got {self.backbone.in_channels}."
            )

    @classmethod
    def published(cls) -> Self:
        """The paper's network, maps and weights, in our units.

        Where the paper divides a sum over landmarks, whose weights sum to 1, by their number as well, and
        where it sums over coefficients, the factors are 1 / 18 and 62: our terms are means. Distances
        without pose are in millimetres here; in which unit the paper has them is not known.
        """
        return cls(
            backbone=ResNetConfig((3, 4, 6, 3), 1.0, bottleneck=True, in_channels=4, last_stride=1),
            flm=LandmarkMapConfig.published(),
            maps=MapTrainingConfig.published(),
            supervision=SupervisionConfig.nothing(),
            cycle_share=1.0,
            second_pass=0.0,
            coefficients=float(_PUBLISHED_COEFFICIENTS),
            consistency_2d=0.005 / _PUBLISHED_POINTS,
            consistency_3d=0.005,
            cycle=1.0 / _PUBLISHED_POINTS,
            self_critic=0.005,
            game="minimax",
            critic_share=1.0,
            critic_on_labelled=False,
            critic=CriticConfig(sees="image"),
            gaps=0.0,
        )
