"""What the face parser is, and what it learns from."""

from dataclasses import dataclass, field

from monoface.core.errors import ConfigError
from monoface.networks import PARSING_CLASSES, ParserConfig


@dataclass(frozen=True)
class ParsingConfig:
    """The face parser and its loss.

    Attributes:
        network: The network.
        class_weights: How much a pixel counts, by class; those not named count 1. Eyes and mouth are small.
    """

    network: ParserConfig = field(default_factory=ParserConfig)
    class_weights: dict[str, float] = field(
        default_factory=lambda: {"eyes": 2.5, "nose": 1.5, "mouth": 2.0, "occluder": 1.5}
    )

    def __post_init__(self) -> None:
        if unknown := self.class_weights.keys() - set(PARSING_CLASSES):
            raise ConfigError(
                f"class weights: expected classes of {', '.join(PARSING_CLASSES)}, "
                f"got {', '.join(sorted(unknown))}."
            )
        if min(self.class_weights.values(), default=1.0) < 0:
            raise ConfigError("class weights: expected none below 0.")
