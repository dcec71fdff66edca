"""The small identity encoder that ships with monoface."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from monoface.core.errors import ConfigError
from monoface.geometry.face_template import ARCFACE_FACE, FaceTemplate
from monoface.networks.backbones import LARGEST_CROP_PX, ResNet, ResNetConfig

_STAGES = 3
# The stem and the stages halve a picture so many times.
_REDUCTION = 16


@dataclass(frozen=True)
class IdentityNetworkConfig:
    """Shape of the encoder.

    Attributes:
        size_px: Side of the aligned faces.
        blocks: Residual blocks of each of the three stages.
        width: Channels against the published ones; 0.5 is the width of the shipped regressors.
        parts: Channels that look at the whole face, each with a weight for every place.
        features: Length of the vectors.
        dropout: Share of these channels that is left out while training.
    """

    size_px: int = 112
    blocks: tuple[int, int, int] = (2, 2, 2)
    width: float = 0.5
    parts: int = 512
    features: int = 128
    dropout: float = 0.3

    def __post_init__(self) -> None:
        if self.size_px > LARGEST_CROP_PX:
            raise ConfigError(
                f"identity encoder: expected faces of at most {LARGEST_CROP_PX} pixels, got {self.size_px}."
            )
        if self.size_px < _REDUCTION or min(self.parts, self.features) < 1 or not 0 <= self.dropout < 1:
            raise ConfigError(
                f"identity encoder: expected a size of at least {_REDUCTION}, positive widths and a dropout "
                f"in 0..1, got {self.size_px}, {self.parts}, {self.features} and {self.dropout}."
            )

    @property
    def trunk(self) -> ResNetConfig:
        """The residual network of whose four stages the encoder has the first three."""
        return ResNetConfig((*self.blocks, 1), self.width)


class IdentityNetwork(nn.Module):
    """The first three stages of a residual network, and a head that knows where on the face it looks.

    Faces are aligned, so each place of the last map is a place of the face. Averaging over them, as
    classifiers of objects do, would forget that; a weight for each place and channel does not.

    Reference:
        Chen et al., "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile
        Devices", CCBR 2018, section 3.1, for the head. The trunk is `networks.backbones`.

    Attributes:
        mixed: Whether `embed` computes in bfloat16, which is enough for cosines and takes half of the time
            where the processor knows it. Whoever calls from a place without autocast sets it.
    """

    def __init__(self, config: IdentityNetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.mixed = False
        whole = ResNet(config.trunk)
        self.stem = whole.stem
        self.stages = whole.stages[: sum(config.blocks)]
        channels, side = config.trunk.stage_channels[_STAGES - 1], -(-config.size_px // _REDUCTION)
        self.head = nn.Sequential(
            nn.Conv2d(channels, config.parts, 1, bias=False),
            nn.BatchNorm2d(config.parts),
            nn.PReLU(config.parts),
            nn.Conv2d(config.parts, config.parts, side, groups=config.parts, bias=False),
            nn.BatchNorm2d(config.parts),
            nn.Flatten(),
            nn.Dropout(config.dropout),
            nn.Linear(config.parts, config.features, bias=False),
            nn.BatchNorm1d(config.features),
        )

    @property
    def size_px(self) -> int:
        """Side of the pictures it expects."""
        return self.config.size_px

    @property
    def template(self) -> FaceTemplate:
        """Where it expects the parts of a face."""
        return ARCFACE_FACE

    def forward(self, image: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch features"]:
        """Vectors of aligned faces in [0, 1], sRGB, of any length."""
        return self.head(self.stages(self.stem(image * 2 - 1)))

    def embed(self, image: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch features"]:
        """Unit vectors; see `IdentityEncoder`."""
        if not self.mixed:
            return normalize(self(image).float(), dim=-1)
        with torch.autocast(image.device.type, torch.bfloat16):
            return normalize(self(image.contiguous(memory_format=torch.channels_last)).float(), dim=-1)

    def start_from_regressor(self, state: Mapping[str, Tensor]) -> None:
        """Copy the trunk from a regressor's backbone, which has learned about faces already.

        Args:
            state: The regressor's `state_dict`.

        Raises:
            ConfigError: If its backbone has other widths or fewer blocks.
        """
        trunk = {
            name.removeprefix("backbone."): tensor
            for name, tensor in state.items()
            if name.startswith("backbone.")
        }
        own = {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("head.")}
        fitting = {name for name in own.keys() & trunk.keys() if own[name].shape == trunk[name].shape}
        if missing := own.keys() - fitting:
            raise ConfigError(
                "identity encoder: expected a regressor with the same first three stages, got other shapes "
                f"or none for {', '.join(sorted(missing)[:3])}."
            )
        self.load_state_dict({name: trunk[name] for name in own}, strict=False)
