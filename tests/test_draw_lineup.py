"""The clay line-up: a strip of tiles for each photo with a face."""

import shutil
import sys

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def lineup(repository):
    sys.path.insert(0, str(repository / "tools"))
    try:
        import draw_lineup
    finally:
        sys.path.pop(0)
    return draw_lineup


def run(lineup, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["draw_lineup.py", *map(str, words)])
    return lineup.main()


def test_people_stand_in_rows_and_photos_without_faces_are_named(
    lineup, monkeypatch, tmp_path, repository, capsys
):
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(repository / "examples" / "astronaut.png", photos / "b.png")
    Image.new("RGB", (60, 60)).save(photos / "a.png")
    out = tmp_path / "sheet.png"
    assert run(lineup, monkeypatch, photos, "--out", out, "--expression") == 0
    assert "a.png: no face was found, left out" in capsys.readouterr().err
    with Image.open(out) as picture:
        sheet = np.asarray(picture)
    tile = lineup.TILE_PX
    assert sheet.shape == (tile, 4 * tile * lineup.PEOPLE_ABREAST, 3)
    photo, front, side, posed = (sheet[:, place * tile : (place + 1) * tile] for place in range(4))
    assert photo.std(axis=-1).mean() > 2
    for clay in (front, side, posed):
        assert (clay.std(axis=-1) == 0).all()
        assert clay.min() < 120
        assert clay[0, 0, 0] > 230
    assert (front != side).any()
    assert (front != posed).any()


def test_without_a_face_nothing_is_drawn(lineup, monkeypatch, tmp_path, capsys):
    Image.new("RGB", (60, 60)).save(tmp_path / "a.png")
    assert run(lineup, monkeypatch, tmp_path, "--out", tmp_path / "sheet.png") == 1
    assert "expected photos with faces" in capsys.readouterr().err
    assert not (tmp_path / "sheet.png").exists()
