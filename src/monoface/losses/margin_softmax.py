"""Classification of people on the sphere, where the right person must win by a margin."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from monoface.core.errors import ConfigError


@dataclass(frozen=True)
class MarginConfig:
    """How far the right person must be ahead.

    Attributes:
        scale: What cosines are multiplied by: how sharp the softmax is.
        cosine: Margin taken off the right person's cosine (CosFace).
        angle_rad: Margin added to the angle to the right person (ArcFace).
        smoothing: Share of the probability that is spread over all people.
    """

    scale: float = 24.0
    cosine: float = 0.2
    angle_rad: float = 0.0
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.scale <= 0 or self.cosine < 0 or not 0 <= self.angle_rad < math.pi:
            raise ConfigError(
                "margin softmax: expected a positive scale, a margin of at least 0 and an angle in 0..pi, "
                f"got {self.scale}, {self.cosine} and {self.angle_rad}."
            )
        if not 0 <= self.smoothing < 1:
            raise ConfigError(f"margin softmax: expected a smoothing in 0..1, got {self.smoothing}.")


def margin_softmax(
    cosines: Float[Tensor, "batch people"], person: Int[Tensor, " batch"], config: MarginConfig
) -> Float[Tensor, " batch"]:
    """Negative log probability of the right person, after its margin.

    Args:
        cosines: Of the angle between each face's vector and each person's.
        person: Who it is.
        config: The margins.

    Reference:
        Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019, equation 4
        (with m1 = 1); Wang et al., "CosFace: Large Margin Cosine Loss for Deep Face Recognition", CVPR 2018,
        equation 4.
    """
    cosines = cosines.float()
    own = cosines.gather(1, person[:, None])
    made_harder = add_angle(own, config.angle_rad) - config.cosine
    logits = cosines.scatter(1, person[:, None], made_harder)
    return cross_entropy(config.scale * logits, person, reduction="none", label_smoothing=config.smoothing)


def add_angle(cosine: Float[Tensor, "*shape"], angle_rad: float) -> Float[Tensor, "*shape"]:
    """Cosine of an angle that is larger by a margin.

    Where the sum would pass pi, the cosine goes on falling in parallel to the given one, so that the result
    is monotonic and meets cos(pi) there. The gradient at a cosine of exactly 1 or -1 leaves the sine's out.
    """
    if angle_rad == 0:
        return cosine
    squared = 1 - cosine.square()
    sine = torch.where(squared > 0, torch.where(squared > 0, squared, 1.0).sqrt(), 0.0)
    turned = cosine * math.cos(angle_rad) - sine * math.sin(angle_rad)
    past = cosine - (1 - math.cos(angle_rad))
    return torch.where(cosine > -math.cos(angle_rad), turned, past)
