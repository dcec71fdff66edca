"""What the identity encoder is, and how it learns."""

from dataclasses import dataclass, field

from monoface.losses.margin_softmax import MarginConfig
from monoface.networks import IdentityNetworkConfig


@dataclass(frozen=True)
class IdentityConfig:
    """How people are told apart.

    Attributes:
        network: The encoder.
        margin: The loss.
    """

    network: IdentityNetworkConfig = field(default_factory=IdentityNetworkConfig)
    margin: MarginConfig = field(default_factory=MarginConfig)

    @classmethod
    def published(cls) -> "IdentityConfig":
        """With ArcFace's scale and margin, which are meant for thousands of times as many photos."""
        return cls(margin=MarginConfig(scale=64.0, cosine=0.0, angle_rad=0.5))
