"""Sources of photos: folders of one's own, one a person."""

from functools import partial

import numpy as np
import pytest
from PIL import Image

from monoface.core.errors import DataError
from monoface.data.people.photos import open_folder, open_photos
from monoface.photos.reading import read_image


@pytest.fixture
def own_photos(tmp_path):
    for place in ("ann/1.png", "ann/2019/2.png", "bob/1.png", ".thumbnails/1.png", "bob/.hidden.png"):
        path = tmp_path / "own" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((20, 30, 3), len(place), np.uint8)).save(path)
    (tmp_path / "own" / "bob" / "note.txt").write_text("no photo")
    return tmp_path / "own"


def opened(folder, held_out=10):
    return open_folder(folder, partial(read_image, max_side_px=64), held_out)


def test_a_folder_is_a_person_with_its_subfolders(own_photos):
    photos = opened(own_photos)
    assert photos.keys == ("ann/1.png", "ann/2019/2.png", "bob/1.png")
    assert photos.person.tolist() == [0, 0, 1]
    assert photos.find
    assert photos.name == "own"
    assert photos.image(1).shape == (20, 30, 3)


def test_every_second_person_is_validation(own_photos):
    assert opened(own_photos, 2).held_out.tolist() == [False, False, True]


def test_the_digest_tells_of_changed_photos(own_photos):
    before = opened(own_photos).digest
    assert opened(own_photos).digest == before
    Image.fromarray(np.zeros((50, 50, 3), np.uint8)).save(own_photos / "bob" / "1.png")
    assert opened(own_photos).digest != before


@pytest.mark.parametrize("name", ["empty", "none"])
def test_folders_without_people_are_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="expected folders of photos, one a person, found none"):
        opened(tmp_path / name)


def test_unknown_sources_are_refused(tmp_path):
    with pytest.raises(DataError, match="source moon: expected one of cfp, ytf"):
        open_photos("moon", tmp_path)
