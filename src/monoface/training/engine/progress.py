"""What the loop announces of a training: step, loss, the latest validation, and the time that is left."""

from collections.abc import Mapping
from itertools import islice

from monoface.core.progress import Progress, announce, say
from monoface.training.engine.config import TrainConfig

# So many measures of a validation are shown; `log.jsonl` has all.
_MEASURES = 2


class TrainingProgress:
    """Announces the steps of a training.

    Args:
        config: How long it takes.
    """

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._validation: dict[str, float] = {}

    def resumed(self, step: int, elapsed_s: float) -> None:
        """The training goes on from a checkpoint."""
        if self._config.minutes:
            past, whole = f"{elapsed_s / 60:.1f}", f"{self._config.minutes:g} minutes"
            say(f"resuming from step {step}, after {past} of {whole}")
        else:
            say(f"resuming from step {step} of {self._config.steps}")

    def advanced(self, step: int, elapsed_s: float, loss: float) -> None:
        """A step was made."""
        config = self._config
        total = None if config.minutes else config.steps
        left_s = max(0.0, 60 * config.minutes - elapsed_s) if config.minutes else None
        announce(Progress("training", step, total, "steps", {"loss": loss} | self._validation, left_s))

    def validated(self, values: Mapping[str, float]) -> None:
        """The averaged networks were measured."""
        self._validation = {f"validation {name}": value for name, value in islice(values.items(), _MEASURES)}
