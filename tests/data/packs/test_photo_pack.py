"""Packs: written whole, read back as they were, refused when they are not what was asked for."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from monoface.core.errors import DataError
from monoface.data.packs.photo_pack import CANVAS_PX, Pack


def test_a_pack_comes_back_as_it_was(labelled_pack, tmp_path):
    labelled_pack.save(tmp_path / "pack", "recipe")
    back = Pack.load(tmp_path / "pack", "recipe")
    assert back.name == "labelled"
    assert len(back) == 5
    np.testing.assert_array_equal(back.canvases, labelled_pack.canvases)
    np.testing.assert_array_equal(back.outputs, labelled_pack.outputs)
    assert back.points_px.keys() == labelled_pack.points_px.keys()
    for name, points in back.points_px.items():
        np.testing.assert_array_equal(points, labelled_pack.points_px[name])


def test_any_recipe_will_do_where_none_is_asked_for(labelled_pack, tmp_path):
    labelled_pack.save(tmp_path, "recipe")
    assert len(Pack.load(tmp_path)) == 5


def test_trust_comes_back(labelled_pack, tmp_path):
    trust = np.linspace(0, 1, 5, dtype=np.float32)
    trusted = replace(labelled_pack, trust=trust)
    trusted.save(tmp_path, "recipe")
    np.testing.assert_array_equal(Pack.load(tmp_path).trust, trust)
    np.testing.assert_array_equal(trusted.chosen("some", np.array([3, 1])).trust, trust[[3, 1]])
    labelled_pack.save(tmp_path, "recipe")
    assert Pack.load(tmp_path).trust is None
    assert labelled_pack.chosen("some", np.array([0])).trust is None


def test_terms_come_back_and_go_with_chosen_samples(labelled_pack, tmp_path):
    replace(labelled_pack, terms="Mine.").save(tmp_path, "recipe")
    back = Pack.load(tmp_path, "recipe")
    assert back.terms == back.chosen("some", np.array([0])).terms == "Mine."


@pytest.mark.parametrize("missing", [("terms",), ("terms", "trust", "drawn", "face_px")])
def test_packs_of_earlier_versions_load(labelled_pack, tmp_path, missing):
    labelled_pack.save(tmp_path, "recipe")
    path = tmp_path / "pack.json"
    header = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in header.items() if name not in missing}))
    back = Pack.load(tmp_path, "recipe")
    np.testing.assert_array_equal(back.outputs, labelled_pack.outputs)
    assert (back.terms, back.trust, back.synthetic, back.face_px) == ("", None, False, 120)


def test_canvases_stay_on_disk(labelled_pack, tmp_path):
    labelled_pack.save(tmp_path, "recipe")
    assert isinstance(Pack.load(tmp_path).canvases, np.memmap)


def test_an_empty_pack_comes_back_empty(tmp_path):
    empty = Pack("empty", np.zeros((0, CANVAS_PX, CANVAS_PX, 3), np.uint8), {}, np.zeros((0, 9), np.float32))
    empty.save(tmp_path, "recipe")
    assert len(Pack.load(tmp_path, "recipe")) == 0


def test_another_recipe_is_refused(labelled_pack, tmp_path):
    labelled_pack.save(tmp_path, "recipe")
    with pytest.raises(DataError, match="made by another recipe"):
        Pack.load(tmp_path, "another")


def test_an_unfinished_pack_is_refused(labelled_pack, tmp_path):
    labelled_pack.save(tmp_path, "recipe")
    (tmp_path / "pack.json").unlink()
    with pytest.raises(DataError, match=r"found no pack\.json"):
        Pack.load(tmp_path, "recipe")


@pytest.mark.parametrize("damaged", ["pack.json", "outputs.npy", "canvases.npy", "points.aflw21.npy"])
def test_damaged_files_are_refused(labelled_pack, tmp_path, damaged):
    labelled_pack.save(tmp_path, "recipe")
    path = tmp_path / damaged
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match="damaged"):
        Pack.load(tmp_path, "recipe")


def test_a_pack_that_is_being_replaced_counts_as_unfinished(labelled_pack, tmp_path, monkeypatch):
    labelled_pack.save(tmp_path, "old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        labelled_pack.save(tmp_path, "new")
    with pytest.raises(DataError, match=r"found no pack\.json"):
        Pack.load(tmp_path, "old")


def test_rows_of_different_number_are_refused(labelled_pack):
    # The tests' shape checks would refuse such a pack before it could.
    odd = SimpleNamespace(
        name="odd",
        canvases=labelled_pack.canvases,
        points_px={},
        outputs=labelled_pack.outputs[:4],
        trust=None,
    )
    with pytest.raises(DataError, match="expected 5 rows in outputs, got 4"):
        Pack.__post_init__(odd)
