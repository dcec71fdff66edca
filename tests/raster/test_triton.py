"""Triton's kernels: what they compute, and that they compile for a GPU. Neither needs one."""

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from monoface.raster import use_backend
from monoface.raster._backends import backend_for

pytest.importorskip("triton", reason="Triton is not installed; it comes with PyTorch's builds for CUDA")

POINTERS = {
    "grid": "*i32",
    "faces": "*i64",
    "nearest": "*i64",
    "face_index": "*i64",
    "twins": "*i64",
    "edges": "*i32",
}
COUNTS = ("vert_count", "height", "width", "pixel_count", "channels")


def test_kernels_agree_with_the_definition_bit_for_bit(repository):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    interpreted = {} if device == "cuda" else {"TRITON_INTERPRET": "1"}
    run = subprocess.run(
        [sys.executable, repository / "tests" / "support" / "triton_agreement.py", device],
        env={**os.environ, **interpreted},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def compiled_for_hopper(kernel, constants, **options):
    """PTX of a kernel; the assembler of the same wheel has accepted it."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = kernel.arg_names
    types = {
        name: "constexpr" if name in constants else "i32" if name in COUNTS else POINTERS.get(name, "*fp32")
        for name in names
    }
    values = {(names.index(name),): value for name, value in constants.items()}
    source = ASTSource(fn=kernel, signature=types, constexprs=values)
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    assert compiled.asm["cubin"]
    return compiled.asm["ptx"]


@pytest.mark.parametrize(
    ("module", "name", "constants"),
    [
        ("_triton.kernels", "rasterize", {"PERSPECTIVE": True, "CULL_BACK": True, "BLOCK": 32}),
        ("_triton.kernels", "resolve", {"PERSPECTIVE": True, "BLOCK": 128}),
        ("_triton.kernels", "rasterize_backward", {"PERSPECTIVE": True, "BLOCK": 128}),
        ("_triton.kernels", "blend", {"BLOCK": 128}),
        ("_triton.kernels", "blend_backward", {"WANTS_ATTRIBUTES": True, "BLOCK": 128}),
        ("_triton.edge_kernels", "find_silhouettes", {"AXIS": 1, "BLOCK": 128}),
        ("_triton.edge_kernels", "move_edges_backward", {"AXIS": 0, "BLOCK": 128}),
    ],
)
def test_kernels_compile_for_a_gpu(module, name, constants, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    kernels = pytest.importorskip(f"monoface.raster.{module}")
    options = {"enable_fp_fusion": name.endswith("backward")}
    ptx = compiled_for_hopper(getattr(kernels, name), constants, **options)
    if not name.endswith("backward"):
        # What must agree bit for bit contracts nothing and rounds its quotients.
        assert not re.search(r"\bfma\.rn\.f|div\.full|div\.approx", ptx)


def on(device):
    """What tells of a tensor where it is."""
    return SimpleNamespace(device=torch.device(device))


def test_the_backend_follows_the_device():
    assert backend_for(on("cuda")).__name__.endswith("_triton.backend")
    assert backend_for(on("cpu")).__name__.endswith("_numba.backend")
    assert backend_for(on("mps")).__name__.endswith("_reference.backend")
    with use_backend("reference"):
        assert backend_for(on("cuda")).__name__.endswith("_reference.backend")
