"""Times the rasteriser: against picture size, triangles, batch and threads, forward and backward.

    python benchmarks/raster.py                 the table
    python benchmarks/raster.py --quick         the budgeted case only
    python benchmarks/raster.py --training      what drawing costs a training step
    python benchmarks/raster.py --first         the first calls of a new process

The mesh is a sphere that fills the picture, so half of its triangles face the viewer. Times are
milliseconds a picture: the median over repetitions, with the least in parentheses. Memory is the most that
the shaded render, forward and backward, adds to the process (Linux only).
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from monoface.facemodel import CoefficientLayout, load_default_model
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.networks import Regressor, RegressorConfig
from monoface.raster import antialias, interpolate, rasterize
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


def peak_mib(work: Callable[[], object]) -> str:
    """Memory that a call adds at its peak to what the process holds."""
    clear, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    if not clear.exists():
        return "-"
    clear.write_text("5")
    before = _status_kib(status, "VmRSS")
    work()
    return f"{(_status_kib(status, 'VmHWM') - before) / 1024:.0f}"


def _status_kib(status: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name))


def case(triangles: int, size: int, batch: int, repetitions: int) -> list[str]:
    """Rasterise, interpolate three channels, both with backward, antialias, shaded renders, memory."""
    verts, faces = sphere(triangles, size, batch)
    leaf, colours = verts.clone().requires_grad_(), torch.rand_like(verts).requires_grad_()
    camera = WeakPerspectiveCamera(torch.ones(batch), torch.zeros(batch, 2))
    light = ambient_light(torch.ones(batch, 3))
    by_pixel, by_vertex = (Renderer(faces, (size, size), shading=where) for where in ("pixel", "vertex"))
    fragments = rasterize(verts, faces, (size, size))
    image = interpolate(colours.detach(), faces, fragments)

    def colour(points: Tensor, attributes: Tensor) -> Tensor:
        return interpolate(attributes, faces, rasterize(points, faces, (size, size)))

    def shaded(renderer: Renderer) -> None:
        renderer.render(camera, leaf, colours, light).radiance.sum().backward()

    work: tuple[Callable[[], object], ...] = (
        lambda: rasterize(verts, faces, (size, size)),
        lambda: colour(verts, colours.detach()),
        lambda: colour(leaf, colours).sum().backward(),
        lambda: antialias(image, verts, faces, fragments),
        lambda: shaded(by_pixel),
        lambda: shaded(by_vertex),
    )
    return [
        *(milliseconds(function, batch, repetitions) for function in work),
        peak_mib(lambda: shaded(by_pixel)),
    ]


def training_step(batch: int, repetitions: int) -> None:
    """Times regressing, decoding, drawing at 224 px, a photometric loss and going back, beside regressing."""
    model = load_default_model()
    layout = CoefficientLayout.of(model)
    network = Regressor(RegressorConfig(layout.size))
    crops, photos = torch.rand(batch, 3, 120, 120), torch.rand(batch, 3, 224, 224)
    light = ambient_light(torch.ones(1, 3))
    renderers = {
        "drawn": Renderer(model.faces, (224, 224), model.weld),
        "drawn, lit at vertices": Renderer(model.faces, (224, 224), model.weld, "vertex"),
        "drawn, silhouettes smoothed": Renderer(model.faces, (224, 224), model.weld, antialias=True),
    }

    def regress() -> None:
        network(crops)[0].square().mean().backward()

    def step(renderer: Renderer) -> None:
        coefficients, camera = layout.decode(network(crops)[0], 224)
        verts_mm = model.shape(coefficients.identity, coefficients.expression)
        verts_camera = transform_points(coefficients.rotation, coefficients.translation_mm, verts_mm)
        picture = renderer.render(camera, verts_camera, model.albedo_mean[None], light)
        error = (picture.image - photos).abs().mean(dim=1) * picture.opacity
        (error.sum(dim=(1, 2)) / picture.opacity.sum(dim=(1, 2))).mean().backward()

    print("| step | ms a picture | share of the network's throughput |")
    print("|---|---|---|")
    alone = milliseconds(regress, batch, repetitions)
    print(f"| network alone | {alone} | |", flush=True)
    for name, renderer in renderers.items():
        whole = milliseconds(lambda renderer=renderer: step(renderer), batch, repetitions)
        share = float(alone.split()[0]) / float(whole.split()[0])
        print(f"| {name} | {whole} | {share:.0%} |", flush=True)


def first_calls() -> None:
    """Seconds of the first calls in this process, the import of numba included and of PyTorch not."""
    verts, faces = sphere(18_000, 224, 1)
    leaf, colours = verts.clone().requires_grad_(), torch.rand_like(verts).requires_grad_()
    renderer = Renderer(faces, (224, 224), antialias=True)
    camera, light = WeakPerspectiveCamera(torch.ones(1), torch.zeros(1, 2)), ambient_light(torch.ones(1, 3))
    if "numba" in sys.modules:
        raise SystemExit("numba is imported already, so its import cannot be timed")
    start = time.perf_counter()
    rasterize(verts, faces, (224, 224))
    drawn = time.perf_counter()
    renderer.render(camera, leaf, colours, light).radiance.sum().backward()
    print(f"| {drawn - start:.2f} | {time.perf_counter() - drawn:.2f} |", flush=True)


def in_new_processes(count: int) -> None:
    """Runs `first_calls` in processes of their own; the first warms what is cached, kernels and bytecode."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    print("| first rasterise, s | then the first smoothed render and its backward pass, s |\n|---|---|")
    for _ in range(count):
        subprocess.run([sys.executable, __file__, "--first-of-one"], env=environment, check=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only the budgeted case")
    parser.add_argument("--training", action="store_true", help="a training step instead")
    parser.add_argument("--first", action="store_true", help="first calls in new processes instead")
    parser.add_argument("--first-of-one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=32, help="crops in a training step")
    parser.add_argument("--repetitions", type=int, default=15)
    arguments = parser.parse_args()
    if arguments.first_of_one:
        first_calls()
        return
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}")
    if arguments.first:
        in_new_processes(4)
        return
    if arguments.training:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            print(f"\n{threads} threads, batch {arguments.batch}\n")
            training_step(arguments.batch, arguments.repetitions)
        return
    cases = [(18_000, 224, 8)]
    if not arguments.quick:
        cases += [(18_000, 224, 1), (18_000, 224, 64)]
        cases += [(18_000, size, 8) for size in (128, 512, 1024)]
        cases += [(triangles, 224, 8) for triangles in (2_000, 50_000, 200_000)]
    columns = "rasterise", "+ interpolate", "+ backward", "antialias", "shaded", "lit at vertices", "MiB"
    print(f"| triangles | size | batch | threads | {' | '.join(columns)} |")
    print("|---" * (4 + len(columns)) + "|")
    for triangles, size, batch in cases:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            times = case(triangles, size, batch, arguments.repetitions)
            print(f"| {triangles} | {size} | {batch} | {threads} | {' | '.join(times)} |", flush=True)


if __name__ == "__main__":
    main()
