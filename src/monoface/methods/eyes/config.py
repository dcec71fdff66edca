"""What the eye network is, and what its losses count."""

from dataclasses import dataclass, field

from monoface.networks.eyes.outputs import EyeNetworkConfig


@dataclass(frozen=True)
class EyesConfig:
    """The eye network and its losses.

    Attributes:
        network: The network.
        marked: Weight of points, and of gaps of lids, that people marked.
        meshed: Likewise, of those the face landmarker found.
        shapes: Weight of blendshapes.
    """

    network: EyeNetworkConfig = field(default_factory=EyeNetworkConfig)
    marked: float = 4.0
    meshed: float = 2.0
    shapes: float = 4.0
