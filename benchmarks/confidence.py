"""What stated confidence is worth: how often faces are good, by the confidence that was stated for them.

    python benchmarks/confidence.py --data DATA [--weights pretrain.safetensors]

A face is good if its mean landmark error is below 5 % of the longer side of its landmarks' box. Prints, for
AFLW's validation part, YTF's held-out people and AFLW2000-3D's development photos, the share of good
faces and the number of faces in each range.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import tyro

from monoface.core.assets import asset_path
from monoface.facemodel import load_default_model
from monoface.networks import load_regressor
from monoface.training.regressors.confidence import CONFIDENT_ERROR
from monoface.training.regressors.validation import validation_errors, validation_sets

EDGES = (0.0, 0.5, 0.7, 0.85, 1.0)


@dataclass(frozen=True)
class Arguments:
    """What is measured.

    Attributes:
        data: Folder that holds `aflw`, `ytf` and `aflw2000_dev`, or some of them.
        weights: A trained regressor; the shipped `pretrain` by default.
        held_out_people: Every n-th person of `ytf` was kept for validation.
    """

    data: Path
    weights: Path | None = None
    held_out_people: int = 10


def main() -> None:
    """Print the table."""
    arguments = tyro.cli(Arguments)
    model = load_default_model()
    regressor, info = load_regressor(arguments.weights or asset_path("pretrain.safetensors"))
    offset, slope = info.confidence
    ranges = list(pairwise(EDGES))
    print(f"{'':24}" + "".join(f"{f'{low:g} to {high:g}':>16}" for low, high in ranges))
    for one in validation_sets(arguments.data, regressor.config.size_px, arguments.held_out_people):
        error, log_error = validation_errors(regressor, model, one, looks=2)
        side_px = one.crops.shape[1] / 2**0.5
        good = error * np.asarray(one.normaliser_px) / side_px < CONFIDENT_ERROR
        stated = 1 / (1 + np.exp(-(offset + slope * log_error)))
        cells = []
        for low, high in ranges:
            inside = (stated >= low) & ((stated < high) | (high == 1))
            cells.append(f"{good[inside].mean():.2f} of {inside.sum()}" if inside.any() else "-")
        print(f"{one.name:24}" + "".join(f"{cell:>16}" for cell in cells))


if __name__ == "__main__":
    main()
