"""Reconstruction where PyTorch is not installed: the same numbers, and clear errors for what needs it."""

import json
from pathlib import Path

import numpy as np
import pytest
from without_torch import run_without_torch

from monoface.pipeline import Reconstructor, ReconstructorConfig

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.png"

RECONSTRUCT = """
import json
from monoface import Reconstructor

face = Reconstructor().reconstruct(sys.argv[1]).faces[0]
print(json.dumps({
    "torch": "torch" in sys.modules,
    "numba": "numba" in sys.modules,
    "verts": face.verts_mm.tolist(),
    "points": face.landmarks68_px.tolist(),
}))
"""

COMMAND = """
from monoface.cli.main import main

sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def geometry():
    finished = run_without_torch(RECONSTRUCT, str(PHOTO))
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_geometry_needs_neither_torch_nor_the_compiler(geometry):
    assert not geometry["torch"]
    assert not geometry["numba"]


def test_geometry_is_the_same(geometry):
    face = Reconstructor(ReconstructorConfig()).reconstruct(PHOTO).faces[0]
    np.testing.assert_allclose(geometry["verts"], face.verts_mm, atol=1e-3)
    np.testing.assert_allclose(geometry["points"], face.landmarks68_px, atol=1e-3)


def test_the_command_writes_everything(tmp_path):
    formats = "glb,obj,ply"
    finished = run_without_torch(
        COMMAND, "reconstruct", str(PHOTO), "--out", str(tmp_path), "--formats", formats
    )
    assert finished.returncode == 0, finished.stderr
    written = {path.name for path in tmp_path.iterdir()}
    assert {
        "astronaut.json",
        "astronaut.overlay.png",
        "astronaut.face0.glb",
        "astronaut.face0.ply",
    } <= written


@pytest.mark.parametrize(
    "words",
    [
        ("train", "pretrain", "--help"),
        ("reconstruct", str(PHOTO), "--detail"),
        ("reconstruct", str(PHOTO), "--device", "cuda"),
    ],
)
def test_what_needs_torch_says_how_to_get_it(tmp_path, words):
    arguments = (*words, "--out", str(tmp_path)) if words[0] == "reconstruct" else words
    finished = run_without_torch(COMMAND, *arguments)
    assert finished.returncode == 2
    assert 'pip install "monoface[train]"' in finished.stderr
