"""What MGCNet is trained on, and how it weighs its terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from monoface.core.errors import ConfigError
from monoface.geometry.epipolar import EssentialForm
from monoface.losses.multiview import Gating
from monoface.methods.photo_regressor import PhotoRegressorConfig
from monoface.methods.supervision import SupervisionConfig
from monoface.networks import ResNetConfig
from monoface.render.covisibility import DEFAULT_TOLERANCE_MM

Shared = Literal["none", "target", "mean"]
"""Whose identity and albedo views of one person are drawn with: their own, the target's, or their mean."""

Covisibility = Literal["depth", "vertices", "vertices_leaking"]
"""How it is found what two views both show: by depth, by common vertices, or by these as published."""

PUBLISHED_FOCAL_PER_SIZE = 4700 / 224
_PUBLISHED_BATCH, _PUBLISHED_MODES = 2, 80
# The published weights of 68 landmarks, 5 for the nose and the inner mouth, have a mean of 2; ours sum to 1.
_PUBLISHED_LANDMARK_MEAN = (51 + 5 * 17) / 68


@dataclass(frozen=True)
class ViewTermsConfig:
    """What views of one person are compared on. The default is what we train.

    Attributes:
        shared: Whose identity and albedo the views of one person are drawn with.
        shared_labels: Whether labelled views of one person are told the mean of their identities, in the
            terms without pose; else each is told its own.
        shared_points: Weight of the distance, in percent of the crop, of annotated points from where the mean
            of the views' identities has them in each view: so views from aside tell what views from the
            front cannot see.
        agreement: Weight of the distance of the views' neutral shapes from their mean, in mm.
        albedo_agreement: Weight of squared differences of the views' albedo coefficients from their mean.
        pixel: Weight of the colour distance of the source, warped into the target, from the target.
        ssim: Weight of their structural dissimilarity.
        depth: Weight of the distance of depths, in mm.
        epipolar: Weight of the distance of landmarks from their epipolar lines, in pixels.
        match_gain: Whether a factor for each channel is taken off before colours are compared.
        covisibility: How it is found what two views both show.
        tolerance_mm: How far apart depths may be that are covisible.
        clamped_sampling: Published: pixels outside the source are sampled at its border and counted.
        depth_form: "published" compares depths of different camera frames after scaling their means.
        essential: "published" is R [t]x, under which the right pose has an error.
        gating: "outer_product" is published: it counts every sample as much as any is active.
        epipolar_sets: Landmark sets whose points are compared.
        least_turn_rad: Views whose relative turn is predicted smaller than this have no epipolar term, for
            their lines mean nothing.
    """

    shared: Shared = "mean"
    shared_labels: bool = True
    shared_points: float = 1.0
    agreement: float = 1.0
    albedo_agreement: float = 0.5
    pixel: float = 3.0
    ssim: float = 0.0
    depth: float = 0.2
    epipolar: float = 0.1
    match_gain: bool = True
    covisibility: Covisibility = "depth"
    tolerance_mm: float = DEFAULT_TOLERANCE_MM
    clamped_sampling: bool = False
    depth_form: EssentialForm = "exact"
    essential: EssentialForm = "exact"
    gating: Gating = "per_sample"
    epipolar_sets: tuple[str, ...] = ("facemesh468", "ibug68_contour")
    least_turn_rad: float = 0.05

    def __post_init__(self) -> None:
        if self.tolerance_mm <= 0:
            raise ConfigError(f"views: expected a tolerance above 0 mm, got {self.tolerance_mm}.")
        if self.clamped_sampling and self.covisibility == "depth":
            raise ConfigError(
                "views: covisibility by depth counts no pixel outside the source; "
                "clamped_sampling goes with covisibility by vertices."
            )

    @classmethod
    def published(cls) -> Self:
        """The paper's weights, and what the published code computes, its four defects included.

        Depth and epipolar terms sum the table of errors and flags there, so their weights are those of the
        code times its batch of 2, squared.
        """
        return cls(
            shared="none",
            shared_labels=False,
            shared_points=0.0,
            agreement=0.0,
            albedo_agreement=0.0,
            pixel=0.15,
            ssim=0.0,
            depth=1e-4 * _PUBLISHED_BATCH**2,
            epipolar=1e-3 * _PUBLISHED_BATCH**2,
            match_gain=False,
            covisibility="vertices_leaking",
            clamped_sampling=True,
            depth_form="published",
            essential="published",
            gating="outer_product",
            epipolar_sets=("ibug68_contour",),
            least_turn_rad=0.0,
        )


@dataclass(frozen=True)
class MgcnetConfig(PhotoRegressorConfig):
    """What MGCNet weighs how. The default is what we train; `published` has the paper's weights.

    Attributes:
        focal_per_size: Focal length in sides of the crop; None for weak perspective.
        landmarks: Weight of squared distances, in pixels, of the points of `landmark_set`, as published.
        landmark_set: Set of 68 points for it.
        multi_view: Whether views of one person are compared at all; without, all else stays.
        views: What they are compared on.
    """

    focal_per_size: float | None = PUBLISHED_FOCAL_PER_SIZE
    landmarks: float = 0.0
    landmark_set: str = "ibug68_contour"
    multi_view: bool = True
    views: ViewTermsConfig = field(default_factory=ViewTermsConfig)

    @property
    def term_weights(self) -> Mapping[str, float]:
        """Weight of each term by its name."""
        between = ("shared_points", "agreement", "albedo_agreement", "pixel", "ssim", "depth", "epipolar")
        compared = {name: getattr(self.views, name) for name in between if self.multi_view}
        return {**super().term_weights, "landmarks": self.landmarks, **compared}

    @classmethod
    def published(cls) -> Self:
        """The paper's network and weights, in our units.

        Where the code sums over coefficients and its batch of 2, the factor is 160; see the README.
        """
        summed = _PUBLISHED_MODES * _PUBLISHED_BATCH
        return cls(
            backbone=ResNetConfig((3, 4, 6, 3), 1.0, bottleneck=True),
            input_px=224,
            render_px=224,
            supervision=SupervisionConfig.nothing(),
            landmarks=1e-3 * _PUBLISHED_LANDMARK_MEAN,
            photometric=1.9,
            perceptual=0.2,
            albedo=0.0,
            light=0.0,
            albedo_prior=3e-4 * 0.0017 * summed,
            white_light=0.0,
            identity_gaussian=1e-4 * summed,
            expression_gaussian=1e-4 * 0.8 * 64 * _PUBLISHED_BATCH,
            views=ViewTermsConfig.published(),
        )
