import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from packed_sources import make_images, write_source
from PIL import Image

from monoface.cli.main import main
from monoface.core.errors import ConfigError, DataError
from monoface.evaluation.people.neutral_shapes import apart_mm, from_mean_mm, narrow_faces
from monoface.evaluation.people.people import EvaluatePeopleConfig, PersonShapes, summarise
from monoface.evaluation.people.person_pairs import PersonPair, person_pairs
from monoface.evaluation.people.person_photos import PersonPhoto


def shapes_of(model, pairs):
    photo = PersonPhoto("p/1", "p", lambda: None)
    return [
        PersonShapes(PersonPair(str(row), (photo, photo)), torch.from_numpy(pair).float())
        for row, pair in enumerate(pairs)
    ]


def test_people_that_are_told_apart_and_people_that_are_not(face_model):
    rng = np.random.default_rng(0)
    size = face_model.identity_size
    own = rng.normal(size=(14, 1, size))
    clear = summarise(shapes_of(face_model, own + 0.1 * rng.normal(size=(14, 2, size))), face_model)
    assert clear.figures["all"]["nearer_percent"] == 100
    assert clear.figures["all"]["ratio_percent"] < 20
    assert 2.0 < clear.figures["all"]["spread_mm"] < 3.5
    unknown = summarise(shapes_of(face_model, rng.normal(size=(40, 2, size))), face_model)
    assert 40 < unknown.figures["all"]["nearer_percent"] < 60


def test_the_mean_face_for_all_is_at_chance_and_has_no_spread(face_model):
    same = summarise(shapes_of(face_model, np.zeros((5, 2, face_model.identity_size))), face_model)
    figures = same.figures["all"]
    assert_allclose([figures["nearer_percent"], figures["spread_mm"]], [50, 0], atol=1e-3)


def test_photos_without_a_face_are_never_nearer(face_model):
    size = face_model.identity_size
    rng = np.random.default_rng(0)
    found = shapes_of(face_model, rng.normal(size=(3, 1, size)) + np.zeros((3, 2, size)))
    found.append(PersonShapes(found[0].pair, None, "p/1: no face was found"))
    report = summarise(found, face_model)
    assert report.figures["all"]["nearer_percent"] == 75
    assert report.findings[0].message == "counted as never nearer: p/1: no face was found."
    assert "within_mm" not in report.cases[3].errors


def test_turn_shift_and_size_are_no_difference():
    shape = torch.randn(2, 50, 3, generator=torch.Generator().manual_seed(0)).double()
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1)).double())[0]
    turn = turn * torch.linalg.det(turn)
    moved = 1.3 * shape @ turn.T + 7
    assert_allclose(apart_mm(shape, moved), 0, atol=1e-9)
    noise = 0.01 * torch.randn(2, 50, 3, generator=torch.Generator().manual_seed(2)).double()
    expected = apart_mm(shape, shape + noise)
    assert 0.005 < float(expected.mean()) < 0.03
    assert_allclose(from_mean_mm(torch.cat((shape[:1], shape[:1]))), 0, atol=1e-9)


def test_narrow_faces_are_those_of_the_model(face_model):
    identity = torch.randn(2, face_model.identity_size, generator=torch.Generator().manual_seed(0))
    neutral = face_model.shape(identity, torch.zeros(2, face_model.expression_size))
    narrow = face_model.data.regions["narrow_face"]
    assert_allclose(narrow_faces(face_model, identity), neutral[:, narrow], atol=1e-3)


def test_pairs_of_each_source(tmp_path):
    person = np.array([340, 340, 340, 341, 341, 342, 342, 3, 3])
    labels = {
        "points30_px": np.zeros((9, 30, 2), np.float32),
        "person": person,
        "profile": np.array([True, False, False, False, False, False, True, False, False]),
    }
    write_source(tmp_path / "cfp", make_images(9, 8, 6), **labels)
    names = [[photo.key for photo in pair.photos] for pair in person_pairs(tmp_path / "cfp", "cfp", 9, "val")]
    assert names == [["0001", "0002"], ["0003", "0004"]]
    everyone = person_pairs(tmp_path / "cfp", "cfp", 9, "all")
    assert [pair.person for pair in everyone] == ["3", "340", "341"]
    assert [pair.person for pair in person_pairs(tmp_path / "cfp", "cfp", 2, "all")] == ["340", "341"]

    clips = {
        "points68_px": np.zeros((6, 68, 2), np.float32),
        "person": np.array([2, 2, 2, 1, 1, 1]),
        "clip": np.array(["0t", "0t", "1t", "0t", "0t", "1t"]),
    }
    write_source(tmp_path / "ytf", make_images(6, 224, 224), **clips)
    pairs = person_pairs(tmp_path / "ytf", "ytf", 9)
    assert [[photo.key for photo in pair.photos] for pair in pairs] == [["0003", "0005"], ["0000", "0002"]]
    assert pairs[0].photos[0].load().shape == (224, 224, 3)

    write_source(tmp_path / "lfw", make_images(6, 160, 160), person=np.array([5, 5, 7, 7, 9, 9]))
    (tmp_path / "exclude.json").write_text(json.dumps({"lfw": [7]}))
    assert [pair.person for pair in person_pairs(tmp_path / "lfw", "lfw", 9)] == ["5", "9"]
    with pytest.raises(DataError, match="expected two people with two photos each, got 0"):
        person_pairs(tmp_path / "cfp", "folder", 9)


def test_the_command_reports_people_without_faces(tmp_path, capsys):
    for person in ("anna", "bert"):
        (tmp_path / "people" / person).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (40, 40)).save(tmp_path / "people" / person / f"{number}.png")
    words = ["evaluate", "people", "--data", str(tmp_path / "people"), "--source", "folder"]
    assert main([*words, "--out", str(tmp_path / "r.json")]) == 0
    assert "same person nearer, %" in capsys.readouterr().out
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["figures"]["all"]["nearer_percent"] == 0
    assert "anna/0.png: no face was found" in report["findings"][0]["message"]


def test_one_person_is_too_few(tmp_path):
    with pytest.raises(ConfigError, match="people: expected at least 2, got 1"):
        EvaluatePeopleConfig(tmp_path, tmp_path / "r.json", people=1)
