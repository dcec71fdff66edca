"""Options of detail that contradict others."""

from collections.abc import Sequence
from typing import Protocol

from monoface.cli.outputs import DENSE_FORMATS, REPORT_FORMAT
from monoface.core.errors import ConfigError
from monoface.pipeline import ReconstructorConfig

DEFAULT_WEIGHTS = "relief"
"""Of the fine stage."""


class DetailOptions(Protocol):
    """What may be said of detail."""

    @property
    def detail(self) -> bool:
        """Whether wrinkles are looked for."""
        ...

    @property
    def detail_weights(self) -> str:
        """Weights of the fine stage."""
        ...

    @property
    def detail_size(self) -> int | None:
        """Side of the displacement map."""
        ...

    @property
    def detail_strength(self) -> float:
        """Factor of its heights."""
        ...

    @property
    def dense(self) -> bool:
        """Whether the displaced mesh is written."""
        ...


def refuse_unused_detail(options: DetailOptions, formats: Sequence[str]) -> None:
    """Refuse options of which nothing would be seen in the results.

    Raises:
        ConfigError: If no format has a dense mesh that is asked for, or no detail is asked for to which an
            option belongs.
    """
    if options.dense and not set(formats) & set(DENSE_FORMATS):
        raise ConfigError(
            f"--dense: expected {' or '.join(DENSE_FORMATS)} among the formats, got "
            f"{', '.join(formats) or REPORT_FORMAT}, in which no dense mesh is written. "
            f"Use --formats {','.join((*formats, DENSE_FORMATS[0]))}, or leave --dense out."
        )
    if options.detail or options.dense:
        return
    for option, given, default in (
        ("--detail-size", options.detail_size, ReconstructorConfig.detail_size),
        ("--detail-weights", options.detail_weights, DEFAULT_WEIGHTS),
        ("--detail-strength", options.detail_strength, ReconstructorConfig.detail_strength),
    ):
        if given != default:
            raise ConfigError(f"{option} {given}: expected --detail too, else there is no detail.")
