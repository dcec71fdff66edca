"""`monoface train METHOD … --out DIR`: what all training commands do before, during and after a training."""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from monoface.cli.console.live import showing_progress
from monoface.cli.options.parsing import Preset
from monoface.core.progress import say
from monoface.training.registry import METHODS

QUICK: Preset = {
    "train.steps": 120, "train.batch": 16, "train.warmup": 10, "train.average": 0.95,
    "train.log_every": 5, "train.evaluate_every": 40, "train.samples_every": 0, "train.tensorboard": False,
    "first.steps": 40, "first.batch": 16, "first.warmup": 5, "first.log_every": 5, "first.evaluate_every": 20,
    "recipe.limit": 60, "recipe.heads.count": 60, "recipe.heads.heads.count": 20, "recipe.turned.count": 20,
    "photos.recipe.limit": 60, "photos.recipe.heads.count": 0, "heads": 40, "heads.count": 40, "limit": 20,
    "photos.people": 40, "photos.marked": 60, "photos.ordinary": 80, "photos.portraits": 30,
    "photos.heads": 30,
}  # fmt: skip
"""Little data and few steps: minutes on two cores, to see that all works and that the loss falls."""
PRESETS: dict[str, Preset] = {"quick": QUICK}


def command(name: str) -> Callable[[Sequence[str]], int]:
    """Load a method; returns what trains it with the words after its name."""
    method = METHODS[name]
    with _progress("loading"):
        config_type, train = method.load()

    def run(arguments: Sequence[str]) -> int:
        def trained(config: Any) -> Path:
            return train(config, say)

        return run_training(config_type, name, arguments, trained, method.use)

    return run


def run_training(
    config_type: type[Any],
    name: str,
    arguments: Sequence[str],
    train: Callable[[Any], Path],
    use: str = "",
) -> int:
    """Read the configuration, record it, train while progress is shown, and show the curves.

    Args:
        config_type: What the method is configured by; its `out` is the run's folder, or the file to write.
        name: Of the method.
        arguments: The words after the command's name.
        train: Trains as configured; returns the path of the weights.
        use: Options of `monoface reconstruct` that take the weights; empty where none does.
    """
    from monoface.cli.console.curves import curves_of, write_curves
    from monoface.cli.console.progress import make_folder
    from monoface.cli.options.config_file import config_toml
    from monoface.cli.options.parsing import parse_config
    from monoface.core.files import write_atomically

    config = parse_config(config_type, f"train {name}", arguments, PRESETS)
    out: Path = config.out
    record = out.with_suffix(".config.toml") if out.suffix == ".safetensors" else out / "config.toml"
    with _progress(f"preparing to train {name}"):
        if _is_first_process():
            make_folder(record.parent)
            write_atomically(record, config_toml(config, f"train {name}"), overwrite=True)
        path = train(config)
    if not _is_first_process():
        return 0
    curves = curves_of(out)
    if curves:
        for curve in curves:
            print(curve.as_line())
        print(f"curves: {write_curves(curves, name, out / 'curves.html')}")
    print(f"written: {path}")
    print(f"settings: {record}")
    if use:
        print(f"use it: monoface reconstruct PHOTO… --out DIR {use} {path}")
    return 0


def _progress(stage: str) -> AbstractContextManager[object]:
    """Progress on the console, of the first process alone."""
    return showing_progress(stage) if _is_first_process() else nullcontext()


def _is_first_process() -> bool:
    # Set by torchrun, before anything that asks PyTorch.
    return int(os.environ.get("RANK", "0")) == 0
