"""`monoface benchmark`: how long each stage takes on this machine."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from jaxtyping import UInt8
from PIL import Image, ImageOps

from monoface.cli.comparison.comparing import compare_at, comparison_report, comparison_text
from monoface.cli.comparison.peers import PeerName, load_peers
from monoface.cli.speed.mean_head import render_mean_head
from monoface.cli.speed.timing import Timing, hardware, time_stage, timing_of
from monoface.core.errors import ConfigError
from monoface.core.files import write_atomically
from monoface.core.kernels.threads import thread_count, use_threads
from monoface.core.sessions import open_session
from monoface.geometry.crops import crop_and_resize
from monoface.networks import read_regressor
from monoface.networks.onnx.regressor import regressor_to_onnx
from monoface.pipeline import Reconstructor, ReconstructorConfig, read_image, roi_of_box, weights_path
from monoface.pipeline.writing.json_report import to_json

_SIZE = (640, 480)


@dataclass(frozen=True)
class BenchmarkArguments:
    """Time the stages from a photo to a 3D face: half of the runs (p50), and all but a twentieth (p95).

    Warm stages run in this process on a photo in memory, made 640 x 480; cold ones start the command line
    anew: first with empty kernel caches, then with warm ones. Python's bytecode of all packages is made
    before, as installing usually does.
    """

    photo: Path | None = None
    """A photo with one face; by default a picture of the face model's mean head."""
    weights: str = "monoface"
    """Regressor: the name of shipped weights, or the path of a .safetensors file."""
    runs: int = 100
    """Timed runs of each warm stage."""
    cold_runs: int = 5
    """Timed starts of the command line with warm caches; 0 leaves the cold stages out."""
    threads: int = os.cpu_count() or 1
    """Threads for the warm stages; the exported regressor always has one."""
    against: tuple[PeerName, ...] = ()
    """Compare with other programs on the same photo at several sizes, in turns, in place of the stages: the
    three networks of the face landmarker (landmarker), MediaPipe's whole face landmarker (mediapipe)."""
    landmarker: Path | None = None
    """Google's face_landmarker.task, which both run."""
    sides: tuple[int, ...] = (512, 1024, 2048, 4000)
    """Longer sides of the photo, in pixels, at which programs are compared."""
    json: Path | None = None
    """File for the comparison's results; an existing one is replaced."""

    def __post_init__(self) -> None:
        if self.runs < 1 or self.threads < 1 or self.cold_runs < 0:
            raise ConfigError("benchmark: expected at least one run and one thread.")
        if not self.sides or min(self.sides) < 64:
            raise ConfigError(f"--sides: expected sides of at least 64 pixels, got {self.sides}.")
        if self.json is not None and not self.against:
            raise ConfigError("--json: expected --against, too, else there is no comparison to write.")


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(BenchmarkArguments, prog="monoface benchmark", args=list(arguments))
    image = render_mean_head(*_SIZE) if chosen.photo is None else _load(chosen.photo)
    for name, value in hardware().items():
        print(f"{name}: {value}")
    if chosen.against:
        return _compare(chosen)
    print(f"\n{'stage':<58}{'threads':>8}{'runs':>6}{'p50 ms':>9}{'p95 ms':>9}{'budget':>9}")
    for timing in _all_timings(chosen, image):
        budget = "" if timing.budget_ms is None else f"{timing.budget_ms:g}"
        print(
            f"{timing.stage:<58}{timing.threads:>8}{timing.runs:>6}"
            f"{timing.p50_ms:>9.2f}{timing.p95_ms:>9.2f}{budget:>9}",
            flush=True,
        )
    if chosen.cold_runs:
        print(f"\npeak memory of the command line: {_peak_of_children()}")
    return 0


def _compare(chosen: BenchmarkArguments) -> int:
    photo = render_mean_head(*_SIZE) if chosen.photo is None else read_image(chosen.photo).image_srgb
    peers = load_peers(chosen.against, chosen.landmarker, chosen.threads)
    with _torch_threads(chosen.threads):
        reconstructor = Reconstructor(ReconstructorConfig(weights=chosen.weights))
        rows = []
        for side in chosen.sides:
            rows += compare_at(side, photo, reconstructor, peers, chosen.runs)
            print(comparison_text(rows[-len(peers) - 2 :]), flush=True)
    if chosen.json is not None:
        name = "mean head" if chosen.photo is None else chosen.photo.name
        report = comparison_report(rows, hardware(), photo=name, threads=chosen.threads)
        write_atomically(chosen.json, to_json(report), overwrite=True)
    return 0


def _load(path: Path) -> UInt8[np.ndarray, "480 640 3"]:
    """The photo at 640 x 480, with a border where its shape is another one."""
    photo = Image.fromarray(read_image(path).image_srgb)
    return np.asarray(ImageOps.pad(photo, _SIZE, Image.Resampling.LANCZOS, color=(128, 128, 128)))


def _all_timings(chosen: BenchmarkArguments, image: UInt8[np.ndarray, "480 640 3"]) -> Iterator[Timing]:
    with _torch_threads(1):
        yield _exported_regressor(chosen)
    with _torch_threads(chosen.threads):
        yield from _warm_stages(chosen, image)
    if chosen.cold_runs:
        yield from _cold_stages(chosen, image)


def _exported_regressor(chosen: BenchmarkArguments) -> Timing:
    regressor, _ = read_regressor(weights_path(chosen.weights))
    exported = open_session(regressor_to_onnx(regressor.config, regressor.weights), 1)
    size, channels = regressor.config.size_px, regressor.config.backbone.in_channels
    feed = {"image": np.random.default_rng(0).random((1, channels, size, size), dtype=np.float32)}
    return time_stage(
        "regressor, exported to ONNX", lambda: exported.run(None, feed), chosen.runs, budget_ms=1.3
    )


def _warm_stages(chosen: BenchmarkArguments, image: UInt8[np.ndarray, "480 640 3"]) -> Iterator[Timing]:
    reconstructor = Reconstructor(ReconstructorConfig(weights=chosen.weights))
    result = reconstructor.reconstruct(image)
    if len(result.all_faces) != 1:
        raise ConfigError(f"photo {chosen.photo}: expected one face, got {len(result.all_faces)}.")
    photo = read_image(image)
    face, regressor = result.all_faces[0], reconstructor.regressor
    crop = crop_and_resize(image, roi_of_box(face.box), regressor.size_px)
    crops = {count: np.repeat(crop[None], count, axis=0) for count in (1, 32)}
    identity, expression = face.posed.coefficients.identity, face.posed.coefficients.expression

    stages: dict[str, tuple[Callable[[], object], float | None]] = {
        "  read": (lambda: read_image(image), None),
        "  detect": (lambda: reconstructor.detector.detect_photos([photo]), None),
        "  crop": (lambda: crop_and_resize(image, roi_of_box(face.box), regressor.size_px), None),
        "  regress, one pass": (lambda: regressor.predict(crops[1]), None),
        "  regress, one pass, 32 crops": (lambda: regressor.predict(crops[32]), None),
        "  geometry": (lambda: reconstructor.face_model.shape(identity, expression), None),
        "photo to geometry, pose, landmarks, blendshapes": (lambda: reconstructor.reconstruct(image), 15.0),
        "photo to all that and a texture": (
            lambda: reconstructor.reconstruct(image).all_faces[0].texture,
            60.0,
        ),
    }
    for name, (stage, budget_ms) in stages.items():
        yield time_stage(name, stage, chosen.runs, budget_ms=budget_ms)


def _cold_stages(chosen: BenchmarkArguments, image: UInt8[np.ndarray, "480 640 3"]) -> Iterator[Timing]:
    """Whole runs of the command line, from the start of Python to files on disk."""
    with tempfile.TemporaryDirectory() as folder:
        photo, out = Path(folder) / "photo.png", Path(folder) / "out"
        Image.fromarray(image).save(photo)
        command = [sys.executable, "-m", "monoface", "reconstruct", str(photo), "--out", str(out)]
        command += ["--overwrite", "--weights", chosen.weights]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        # The first run makes the bytecode; its kernels are left behind.
        taken_ms = [
            _time_command(command, environment | {"NUMBA_CACHE_DIR": str(Path(folder) / kernels)})
            for kernels in ("not timed", *["kernels"] * (1 + chosen.cold_runs))
        ]
    threads = os.cpu_count() or 1
    yield timing_of("command line, no cached kernels", taken_ms[1:2], threads, 6000.0)
    yield timing_of("command line, cached kernels", taken_ms[2:], threads, 3000.0)


def _time_command(command: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    ran = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    if ran.returncode:
        raise ConfigError(f"command line: expected exit code 0, got {ran.returncode}. {ran.stderr}")
    return 1000 * (time.perf_counter() - start)


def _peak_of_children() -> str:
    """Most memory that a command line started here had, where the system tells."""
    if sys.platform == "win32":
        return "unknown on Windows"
    import resource

    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 2**20:.0f} MiB"


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = thread_count()
    use_threads(count)
    try:
        yield
    finally:
        use_threads(before)
