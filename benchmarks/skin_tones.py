"""Errors of predicted albedo on synthetic heads, from dark to light skin.

    python benchmarks/skin_tones.py --weights mgcnet --count 300

Means with 95 % intervals: absolute difference in linear RGB, distance in CIELAB (1976), and predicted less
true lightness L*, over the narrow face of heads of the shipped model. Weights that find no albedo get the
one that `monoface reconstruct` fits.
"""

from dataclasses import dataclass

import tyro

from monoface.data.synthetic.heads import HeadsConfig
from monoface.evaluation.synthetic.skin_tones import Estimate, measure_skin_tones, summarise_tones
from monoface.pipeline import Reconstructor, ReconstructorConfig


@dataclass(frozen=True)
class Arguments:
    """What is measured.

    Attributes:
        weights: Name of shipped weights, or path of a file.
        count: Heads to draw; few of them have light skin.
        max_yaw_deg: Yaw is uniform up to this, either way.
        seed: Of the heads.
    """

    weights: str = "pretrain"
    count: int = 300
    max_yaw_deg: float = 60.0
    seed: int = 0


def main() -> None:
    """Print the table."""
    arguments = tyro.cli(Arguments)
    tools = Reconstructor(ReconstructorConfig(weights=arguments.weights))
    heads = HeadsConfig(arguments.count, max_yaw_deg=arguments.max_yaw_deg, seed=arguments.seed)
    errors = list(measure_skin_tones(tools.regressor, tools.face_model, heads))
    print("| skin | heads | linear RGB | delta E | lightness |")
    print("|---|---|---|---|---|")
    for one in summarise_tones(errors):
        cells = text(one.linear, 3), text(one.delta_e, 1), text(one.lightness, 1)
        print(f"| {one.tone} | {one.count} | {' | '.join(cells)} |")


def text(estimate: Estimate, digits: int) -> str:
    """A mean and its interval."""
    low, high = estimate.interval.low, estimate.interval.high
    return f"{estimate.mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


if __name__ == "__main__":
    main()
