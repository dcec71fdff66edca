"""What the coarse stage is trained on, and how it weighs its terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from monoface.core.errors import ConfigError
from monoface.losses.contour import Silhouette
from monoface.methods.photo_regressor import PhotoRegressorConfig
from monoface.methods.supervision import SupervisionConfig
from monoface.networks import ResNetConfig

# Sides of the pictures that the published distances and limits are measured in.
_PUBLISHED_PX, _PUBLISHED_LIMIT_PX, _OURS_PX = 300, 9.375, 224
# A mean over 86 points and both coordinates; the weights of the 86 sum to 219, ours sum to 1.
_LANDMARK_FACTOR = 219 / 86 / 2
# A mean over 18 points and both coordinates; ours is one over 17 points, of squared distances.
_CONTOUR_FACTOR = 17 / 18 / 2


@dataclass(frozen=True)
class CoarseConfig(PhotoRegressorConfig):
    """What the coarse stage weighs how. The default is ours; `published` has the paper's weights.

    Attributes:
        landmarks: Weight of squared distances, in pixels, of the weighted points in `coarse_landmarks`.
        landmark_sets: Sets of 68 points that they are made of; the jaw of `ibug68_contour` is no fixed point.
        contour: Weight of squared distances, in pixels, of the annotated outline from the mesh's.
        contour_focus: How much more chin, and two points on either side of it, count in the outline.
        contour_limit: Share of the crop's side beyond which the silhouette does not pull.
        silhouette: Which vertices make it; `count` is what the published code computes: none.
    """

    landmarks: float = 0.02
    landmark_sets: tuple[str, ...] = ("ibug68", "ibug68_contour")
    contour: float = 0.02
    contour_focus: float = 5.0
    contour_limit: float = _PUBLISHED_LIMIT_PX / _PUBLISHED_PX
    silhouette: Silhouette = "ratio"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.contour_limit <= 1 or self.contour_focus <= 0:
            raise ConfigError(
                "coarse: expected a contour_limit above 0 and at most 1 and a positive contour_focus, got "
                f"{self.contour_limit} and {self.contour_focus}."
            )

    @property
    def term_weights(self) -> Mapping[str, float]:
        """Weight of each term by its name."""
        return {**super().term_weights, "landmarks": self.landmarks, "contour": self.contour}

    @classmethod
    def published(cls) -> Self:
        """The paper's weights in our units, and what its code computes; see the README for each factor.

        Distances are in pixels of 224, not 300; colours in 0 to 1, not 255. The network is a ResNet-50: there
        are no weights of VGG-Face to start from or to compare by.
        """
        squared_px = (_PUBLISHED_PX / _OURS_PX) ** 2
        return cls(
            backbone=ResNetConfig((3, 4, 6, 3), 1.0, bottleneck=True),
            input_px=_OURS_PX,
            render_px=_OURS_PX,
            supervision=SupervisionConfig.nothing(),
            landmarks=1.0 * _LANDMARK_FACTOR * squared_px,
            contour=0.5 * _CONTOUR_FACTOR * squared_px,
            contour_focus=1.0,
            silhouette="count",
            photometric=1.0 * 255,
            perceptual=0.8,
            albedo=0.0,
            light=0.0,
            albedo_prior=1.0,
            white_light=0.0,
            identity_gaussian=3.0,
            expression_gaussian=10.0,
        )
