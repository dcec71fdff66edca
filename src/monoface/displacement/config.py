"""What translators see, and how far what they put out may displace."""

from dataclasses import dataclass, field
from typing import Literal

from monoface.core.errors import ConfigError
from monoface.networks import TranslatorConfig

TranslatorInput = Literal["shading", "difference", "concatenated"]
INPUT_CHANNELS: dict[TranslatorInput, int] = {"shading": 9, "difference": 3, "concatenated": 6}

LARGEST_TEXTURE_PX = 4096
"""Largest side of the maps of the fine stage: a file could else ask for any memory."""


@dataclass(frozen=True)
class DisplacementConfig:
    """What is needed to use a translator.

    Attributes:
        translator: The network.
        texture_px: Side of the maps.
        sees: What the network gets. `shading`: the logarithm of photo over coarse shading, grey and two
            colour differences, without its slow changes; how shading answers to slopes along u and v; what
            is seen and displaced; and the slopes that would explain it. `difference`: photo minus coarse
            render, as the published code. `concatenated`: both, as its text can be read.
        axis: Heights go along the `normal`, or along the `model_z`, as published.
        limit_mm: Largest height.
        dead_zone_mm: Heights far below this become a tenth of themselves, higher ones lose nine tenths of it,
            so that smooth skin stays smooth; 0 leaves heights as they are.
    """

    translator: TranslatorConfig = field(default_factory=TranslatorConfig)
    texture_px: int = 256
    sees: TranslatorInput = "shading"
    axis: Literal["normal", "model_z"] = "normal"
    limit_mm: float = 2.5
    dead_zone_mm: float = 0.08

    def __post_init__(self) -> None:
        if self.translator.in_channels != INPUT_CHANNELS[self.sees]:
            raise ConfigError(
                f"detail: expected {INPUT_CHANNELS[self.sees]} input channels to see {self.sees}, "
                f"got {self.translator.in_channels}."
            )
        if self.translator.out_channels not in (1, 2):
            raise ConfigError(
                "detail: expected one output channel, or two with a residual albedo, "
                f"got {self.translator.out_channels}."
            )
        if self.texture_px % max(16, self.translator.multiple) or self.limit_mm <= 0:
            raise ConfigError(
                f"detail: expected a texture whose side is a multiple of {max(16, self.translator.multiple)} "
                f"and a positive limit, got {self.texture_px} and {self.limit_mm}."
            )
        if not 16 <= self.texture_px <= LARGEST_TEXTURE_PX:
            raise ConfigError(
                f"detail: expected a texture_px of 16 to {LARGEST_TEXTURE_PX}, got {self.texture_px}."
            )
        if self.dead_zone_mm < 0:
            raise ConfigError(f"detail: expected a dead_zone_mm of at least 0, got {self.dead_zone_mm}.")

    @property
    def has_residual(self) -> bool:
        """Whether the network also says what is paint."""
        return self.translator.out_channels == 2
