"""Times the rasteriser: against picture size, triangles, batch and threads, forward and backward.

    python benchmarks/raster.py                 the table
    python benchmarks/raster.py --quick         the budgeted case only

The mesh is a sphere that fills the picture, so half of its triangles face the viewer. Times are
milliseconds a picture: the median over repetitions, with the least in parentheses.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.raster import interpolate, rasterize
from monoface.render import Renderer
from monoface.shading import ambient_light


def sphere(triangles: int, size: int, batch: int) -> tuple[Tensor, Tensor]:
    """Vertices in pixels with depth, turned differently in each picture, and about so many triangles."""
    rows = max(3, round((triangles / 4) ** 0.5))
    polar = torch.linspace(0, torch.pi, rows + 1)[:, None]
    azimuth = torch.linspace(0, 2 * torch.pi, 2 * rows + 1)[None] + torch.arange(batch)[:, None, None] / batch
    x, y, z = torch.broadcast_tensors(polar.sin() * azimuth.sin(), polar.cos(), -polar.sin() * azimuth.cos())
    verts = torch.stack((x, -y, z), dim=-1).flatten(1, 2) * (0.49 * size) + torch.tensor(
        (size / 2, size / 2, 500.0)
    )
    index = torch.arange(verts.shape[1]).reshape(rows + 1, 2 * rows + 1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = torch.stack((torch.stack((a, c, b), dim=-1), torch.stack((b, c, d), dim=-1)))
    return verts, faces.reshape(-1, 3)


def milliseconds(work: Callable[[], object], batch: int, repetitions: int) -> str:
    """Median and least time a picture of repeated calls, the first one not counted."""
    work()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000 / batch)
    return f"{statistics.median(times):7.3f} ({min(times):.3f})"


def case(triangles: int, size: int, batch: int, repetitions: int) -> list[str]:
    """Rasterise; with interpolation of three channels; both forward and backward; a shaded render so."""
    verts, faces = sphere(triangles, size, batch)
    leaf, colours = verts.clone().requires_grad_(), torch.rand_like(verts).requires_grad_()
    camera = WeakPerspectiveCamera(torch.ones(batch), torch.zeros(batch, 2))
    light = ambient_light(torch.ones(batch, 3))
    renderer = Renderer(faces, (size, size))

    def raster() -> Tensor:
        return rasterize(verts, faces, (size, size)).depth

    def colour(points: Tensor, attributes: Tensor) -> Tensor:
        return interpolate(attributes, faces, rasterize(points, faces, (size, size)))

    work: tuple[Callable[[], object], ...] = (
        raster,
        lambda: colour(verts, colours.detach()),
        lambda: colour(leaf, colours).sum().backward(),
        lambda: renderer.render(camera, leaf, colours, light).radiance.sum().backward(),
    )
    return [milliseconds(function, batch, repetitions) for function in work]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only the budgeted case")
    parser.add_argument("--repetitions", type=int, default=15)
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}")
    cases = [(18_000, 224, 8)]
    if not arguments.quick:
        cases += [(18_000, 224, 1), (18_000, 224, 64)]
        cases += [(18_000, size, 8) for size in (128, 512, 1024)]
        cases += [(triangles, 224, 8) for triangles in (2_000, 50_000, 200_000)]
    print(
        "| triangles | size | batch | threads | rasterise | + interpolate | + backward | shaded, + backward |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for triangles, size, batch in cases:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            times = case(triangles, size, batch, arguments.repetitions)
            print(f"| {triangles} | {size} | {batch} | {threads} | {' | '.join(times)} |", flush=True)


if __name__ == "__main__":
    main()
