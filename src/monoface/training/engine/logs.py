"""What a run leaves to look at: JSON lines, TensorBoard's scalars and pictures, sample renders as PNG."""

import io
import json
import math
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from monoface.core.errors import ConfigError
from monoface.core.files import write_atomically
from monoface.core.json_text import parse_json


class RunLog:
    """Writes `log.jsonl`, `tensorboard/` and `samples/` in the folder of a run; a context manager.

    Of a run that is continued, what was written of later steps than it continues from is dropped.

    Args:
        folder: Of the run.
        step: Where the run starts or continues.
        tensorboard: Whether TensorBoard's files are written.

    Raises:
        ConfigError: If TensorBoard's files are asked for and it is not installed.
    """

    def __init__(self, folder: Path, step: int, *, tensorboard: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lines = folder / "log.jsonl"
        _drop_later_lines(self._lines, step)
        self._stack = ExitStack()
        self._board = self._stack.enter_context(_board(folder, step)) if tensorboard else None
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def write(self, step: int, kind: str, values: dict[str, float], samples: int = 0) -> None:
        """One line of values; `samples` counts those since the last such line, for the speed."""
        record: dict[str, Any] = {"step": step, "kind": kind}
        if samples:
            now = time.monotonic()
            record["samples_per_second"] = round(samples / max(now - self._since, 1e-9), 1)
            self._since = now
        record |= {name: round(value, 6) for name, value in values.items()}
        with self._lines.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        if self._board is not None:
            for name, value in record.items():
                if name not in ("step", "kind"):
                    self._board.add_scalar(f"{kind}/{name}", value, step)

    def picture(self, step: int, picture: UInt8[np.ndarray, "height width 3"]) -> None:
        """Sample renders of a step."""
        folder = self._folder / "samples"
        folder.mkdir(exist_ok=True)
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        write_atomically(folder / f"step-{step:08d}.png", file.getvalue(), overwrite=True)
        if self._board is not None:
            self._board.add_image("samples", picture, step, dataformats="HWC")


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError(
            "TensorBoard is not installed. Install monoface[train], or train with --train.no-tensorboard."
        ) from error
    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)


def _drop_later_lines(path: Path, step: int) -> None:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    kept = [line for line in lines if _step_of(line) <= step]
    write_atomically(path, "".join(f"{line}\n" for line in kept), overwrite=True)


def _step_of(line: str) -> float:
    """Step of a line of the log; infinity for a line that an interruption cut off."""
    try:
        return float(parse_json(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
