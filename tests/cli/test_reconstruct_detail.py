"""Files that `monoface reconstruct --detail` adds."""

import json

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from monoface.cli.main import main
from monoface.methods.detail import DetailConfig
from monoface.networks import Translator, TranslatorConfig, save_translator
from monoface.training.detail.train import translator_info


def _run(*words):
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A small fine stage that displaces at random."""
    torch.manual_seed(0)
    config = DetailConfig(translator=TranslatorConfig(9, (4, 6, 8), 2))
    translator = Translator(config.translator)
    torch.nn.init.normal_(translator.last.weight, std=0.3)
    path = tmp_path_factory.mktemp("weights") / "detail.safetensors"
    save_translator(translator, translator_info(config), path)
    return path


@pytest.fixture
def photo(sample, tmp_path):
    path = tmp_path / "me.png"
    sample.crop((100, 0, 356, 256)).save(path)
    return path


def test_detail_adds_a_displacement_map_a_normal_map_and_a_dense_mesh(photo, weights, tmp_path):
    out = tmp_path / "out"
    options = (
        "--detail",
        "--detail-weights",
        weights,
        "--detail-size",
        128,
        "--dense",
        "--formats",
        "glb,ply",
    )
    assert _run("reconstruct", photo, "--out", out, *options) == 0
    names = {path.name for path in out.iterdir()}
    assert {"me.face0.displacement.png", "me.face0.dense.glb", "me.face0.dense.ply"} <= names

    report = json.loads((out / "me.json").read_text())
    assert {"detail.safetensors", "parsing.safetensors"} <= set(report["made_with"]["sha256"])
    said = report["faces"][0]["displacement"]
    steps = np.asarray(Image.open(out / "me.face0.displacement.png")).astype(np.int64)
    assert steps.shape == (128, 128) == (said["size_px"],) * 2
    height_mm = (steps - said["zero_step"]) * said["mm_per_step"]
    assert np.abs(height_mm).mean() == pytest.approx(said["mean_absolute_mm"], abs=1e-4)
    assert 0 < np.abs(height_mm).max() <= 1.5

    glb = (out / "me.face0.glb").read_bytes()
    document = json.loads(glb[20 : 20 + int.from_bytes(glb[12:16], "little")])
    assert sum("normalTexture" in material for material in document["materials"]) == 1
    dense = trimesh.load(out / "me.face0.dense.ply", process=False)
    assert len(dense.vertices) > 10_000

    assert _run("reconstruct", photo, "--out", out, "--overwrite") == 0
    # Without detail, that of the earlier run is gone.
    assert not any("displacement" in path.name or "dense" in path.name for path in out.iterdir())


def test_weights_that_do_not_exist_are_a_usage_error(photo, tmp_path, capsys):
    arguments = ("--detail", "--detail-weights", tmp_path / "none.safetensors")
    assert _run("reconstruct", photo, "--out", tmp_path / "out", *arguments) == 2
    assert "expected a file" in capsys.readouterr().err
