"""`monoface data prepare`: the sample photo becomes a pack, and exit codes say whether anything did."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from monoface.cli.main import main
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX
from monoface.data.preparing.prepared import PreparedFolder
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points


@pytest.fixture
def photos(tmp_path, sample, noise):
    folder = tmp_path / "photos"
    (folder / "people").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    sample.transpose(Image.Transpose.ROTATE_90).save(folder / "people" / "one.png", exif=exif)
    sample.save(folder / "same.png")
    noise.save(folder / "noise.png")
    (folder / "text.jpg").write_text("This is no picture.")
    return folder


def test_the_sample_photo_becomes_a_sample(photos, tmp_path, face_model, capsys):
    out = tmp_path / "mine"
    options = ["--turn.views", "0", "--held-out", "0"]
    assert main(["data", "prepare", str(photos), "--out", str(out), *options]) == 0
    told = capsys.readouterr().out
    assert "photos: " in told
    for count in ("1 kept", "1 no_face", "1 unreadable", "1 duplicate"):
        assert count in told
    records = map(json.loads, (out / "photos.jsonl").read_text().splitlines())
    outcomes = {record["photo"]: record["outcome"] for record in records}
    assert outcomes == {
        "noise.png": "no_face", "people/one.png": "kept", "same.png": "duplicate", "text.jpg": "unreadable",
    }  # fmt: skip
    (pack, turned) = PreparedFolder(out).packs()
    assert (pack.name, len(pack), len(turned)) == ("mine", 1, 0)
    coefficients, camera = CoefficientLayout.of(face_model).decode(torch.from_numpy(pack.outputs), FACE_PX)
    basis = face_model.subset(face_model.landmarks("facemesh468"))
    error = project_points(basis, coefficients, camera).numpy() - pack.points_px["facemesh468"] + 20
    assert np.linalg.norm(error, axis=-1).mean() < 2
    assert pack.canvases.shape == (1, CANVAS_PX, CANVAS_PX, 3)


def test_nothing_usable_has_its_own_exit_code(tmp_path, noise):
    (tmp_path / "in").mkdir()
    noise.save(tmp_path / "in" / "noise.png")
    assert main(["data", "prepare", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 4


def test_wrong_usage_is_a_line_and_exit_code_2(tmp_path, capsys):
    assert main(["data", "prepare", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    assert "expected a folder of photos, found none" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["data", "prepare", str(tmp_path), "--out", str(tmp_path / "file")]) == 2
    assert "expected a folder, but it cannot be made" in capsys.readouterr().err
