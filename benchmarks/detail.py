"""Time and memory from a photo to its relief.

    python benchmarks/detail.py --weights relief --size 512

From a photo of 512 x 512 in memory: detection, regression, fit of light and albedo, skin, unwrapping, the
network on the face and its mirror image, normal map; then the same with the texture, without its light. The
peak of the process's memory is told at the end, Python, torch and all.
"""

import resource
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from PIL import Image

from monoface.cli.speed.timing import hardware, time_stage
from monoface.pipeline import Reconstructor, ReconstructorConfig

SAMPLE = Path(__file__).parent.parent / "examples" / "astronaut.png"


@dataclass(frozen=True)
class Arguments:
    """What is timed.

    Attributes:
        weights: Fine stage: name of shipped weights, or path of a file.
        size: Side of the displacement map in texels.
        photo: Photo; its shape is changed to 512 x 512.
        runs: How often.
        threads: Of torch.
    """

    weights: str = "relief"
    size: int = 256
    photo: Path = SAMPLE
    runs: int = 10
    threads: int = 2


def main() -> None:
    """Print the figures."""
    arguments = tyro.cli(Arguments)
    torch.set_num_threads(arguments.threads)
    photo = np.array(Image.open(arguments.photo).convert("RGB").resize((512, 512)))
    config = ReconstructorConfig(detail=arguments.weights, detail_size=arguments.size)
    tools = Reconstructor(config)

    def detail() -> None:
        assert tools.reconstruct(photo).faces[0].detail is not None

    def both() -> None:
        face = tools.reconstruct(photo).faces[0]
        assert face.detail is not None
        assert face.albedo_texture is not None

    print(hardware())
    for stage, run in (("detail", detail), ("detail and texture", both)):
        one = time_stage(stage, run, arguments.runs)
        print(f"{one.stage}: p50 {one.p50_ms:.0f} ms, p95 {one.p95_ms:.0f} ms, {one.threads} threads")
    unit = 1024**2 if sys.platform == "darwin" else 1024
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit:.0f} MiB")


if __name__ == "__main__":
    main()
