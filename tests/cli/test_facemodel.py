"""The commands that make the face model: what they refuse, and what they write beside it."""

import dataclasses
import json

import pytest
from shipped_cards import load_card

from monoface.cli.facemodel import calibrate as facemodel_calibrate
from monoface.cli.main import main
from monoface.core.assets import sha256_of
from monoface.facemodel import load_face_model_data, save_face_model


@pytest.fixture
def calibrated(monkeypatch):
    """Calibration that takes no photos: the set aflw21 becomes its first point, repeated."""
    configs = []

    def calibrate(data, config, report):
        configs.append(config)
        report("aflw21: 1.00 % remain, on 12 photos")
        points = data.landmarks["aflw21"]
        first = dataclasses.replace(
            points, index=points.index[:1].repeat(21, 1), weight=points.weight[:1].repeat(21, 1)
        )
        return dataclasses.replace(data, landmarks=dict(data.landmarks) | {"aflw21": first})

    monkeypatch.setattr(facemodel_calibrate, "calibrate_default_sets", calibrate)
    return configs


def test_the_shipped_model_gets_new_sets_and_keeps_its_card(calibrated, face_model, tmp_path, capsys):
    out = tmp_path / "new" / "face.safetensors"
    weights = tmp_path / "w.safetensors"
    words = ("facemodel", "calibrate", "--data", tmp_path, "--out", out, "--weights", weights, "--rounds", 2)
    assert main([str(word) for word in words]) == 0
    assert capsys.readouterr().out.splitlines() == ["aflw21: 1.00 % remain, on 12 photos", f"written: {out}"]
    assert (calibrated[0].data, calibrated[0].weights, calibrated[0].rounds) == (tmp_path, weights, 2)

    data = load_face_model_data(out)
    assert (data.landmarks["aflw21"].index == data.landmarks["aflw21"].index[0]).all()
    assert data.landmarks["ibug68"].index.equal(face_model.data.landmarks["ibug68"].index)
    assert data.mean_mm.equal(face_model.mean_mm)
    text = (out.parent / "face.card.json").read_text()
    card = json.loads(text)
    assert card["landmarks"]["weights"] == "w.safetensors"
    assert card["landmarks"]["rounds"] == 2
    assert card["metrics"] == load_card("face_model")["metrics"]
    assert str(tmp_path) not in text
    assert json.loads((out.parent / "manifest.json").read_text()) == {"face.safetensors": sha256_of(out)}


def test_a_model_without_its_card_is_refused(calibrated, face_model, tmp_path, capsys):
    source, out = tmp_path / "mine.safetensors", tmp_path / "new.safetensors"
    save_face_model(face_model.data, source)
    words = ("facemodel", "calibrate", "--data", tmp_path, "--out", out, "--face-model", source)
    assert main([str(word) for word in words]) == 2
    assert "expected its card mine.card.json beside it, found none" in capsys.readouterr().err
    assert not calibrated
    assert not out.exists()


@pytest.mark.parametrize(
    "words",
    [("facemodel", "calibrate"), ("facemodel", "learn", "--source", "none")],
    ids=["calibrate", "learn"],
)
def test_files_are_not_replaced_unasked_nor_given_other_suffixes(words, tmp_path, capsys):
    there = tmp_path / "face.safetensors"
    there.write_bytes(b"precious")
    assert main([*words, "--data", str(tmp_path), "--out", str(there)]) == 2
    assert "exists; use --overwrite to replace it" in capsys.readouterr().err
    assert there.read_bytes() == b"precious"
    assert main([*words, "--data", str(tmp_path), "--out", str(tmp_path / "face.npz")]) == 2
    assert "expected a file that ends with .safetensors" in capsys.readouterr().err


def test_a_model_that_closes_already_is_not_closed_again(face_model, tmp_path, capsys):
    source, out = tmp_path / "mine.safetensors", tmp_path / "new.safetensors"
    words = ("facemodel", "close", "--face-model", source, "--source", tmp_path, "--out", out)
    save_face_model(face_model.data, source)
    assert main([str(word) for word in words]) == 2
    assert "expected its card mine.card.json beside it" in capsys.readouterr().err
    (tmp_path / "mine.card.json").write_text("{}")
    assert main([str(word) for word in words]) == 2
    assert "mine.safetensors: expected a model without correctives" in capsys.readouterr().err
    assert not out.exists()


def test_sources_that_are_missing_are_named(tmp_path, capsys):
    words = ("facemodel", "calibrate", "--data", tmp_path, "--out", tmp_path / "face.safetensors")
    assert main([str(word) for word in words]) == 2
    assert "aflw2000_dev" in capsys.readouterr().err


def test_training_without_data_is_refused(tmp_path, capsys):
    words = ("train", "pretrain", "--data", tmp_path, "--out", tmp_path / "run")
    assert main([str(word) for word in words]) == 2
    assert "to validate on, found none" in capsys.readouterr().err
