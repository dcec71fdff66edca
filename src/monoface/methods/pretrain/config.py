"""Weights of the first training's terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monoface.networks import ResNetConfig


@dataclass(frozen=True)
class PretrainConfig:
    """What the first training weighs how.

    Attributes:
        backbone: The regressor's network.
        crop_px: Side of its crops.
        set_weights: Weight of each annotated landmark set; the error is in percent of the crop.
        dense_weight: Weight of projected points whose true place is known, same unit.
        dense_points: How many points, beside the 68, stand for the whole face.
        shape_weight: Weight of the un-posed points' distance, in percent of 100 mm.
        rotation_weight: Weight of the rotation's error, in radians.
        identity_weight: Weight of the squared error of identity coefficients.
        expression_weight: Weight of the squared error of expression weights.
        identity_prior: Weight of the squared identity where it is not known.
        expression_prior: Weight of the mean expression weight where it is not known.
        range_weight: Weight of squared expression weights outside [0, 1].
    """

    backbone: ResNetConfig = field(default_factory=ResNetConfig)
    crop_px: int = 120
    set_weights: Mapping[str, float] = field(
        default_factory=lambda: {"aflw21": 1.0, "facemesh468": 1.0, "ibug68_contour": 1.0}
    )
    dense_weight: float = 2.0
    dense_points: int = 256
    shape_weight: float = 0.3
    rotation_weight: float = 5.0
    identity_weight: float = 0.2
    expression_weight: float = 2.0
    identity_prior: float = 0.05
    expression_prior: float = 0.2
    range_weight: float = 10.0
