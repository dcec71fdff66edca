"""The people that labels were made of, from small sources and files made here."""

import json

import numpy as np
import pytest
from packed_sources import make_images, write_source

from monoface.core.errors import DataError
from monoface.training.likeness.people_evidence import read_people

SIZE = 3


def write_people(folder, name, number, rows):
    rng = np.random.default_rng(0)
    information = np.tile(np.eye(SIZE), (len(number), 1, 1)) * (1 + np.asarray(number))[:, None, None]
    (folder / name).mkdir(exist_ok=True)
    np.savez(
        folder / name / "people.npz",
        number=np.array(number),
        rows=np.array(rows),
        information=information.astype(np.float32),
        vector=rng.normal(size=(len(number), SIZE)),
        mean=rng.normal(size=(len(number), SIZE)),
    )


@pytest.fixture
def data(tmp_path):
    images = make_images(6, 12, 9)
    profile = np.array([False, True, False, False, False, False])
    points = np.zeros((6, 30, 2), np.float32)
    person = np.array([0, 0, 0, 5, 340, 5])
    write_source(tmp_path / "cfp", images, points30_px=points, person=person, profile=profile)
    write_source(tmp_path / "lfw", images, person=np.array([7, 1, 1, 2, 2, 2]))
    (tmp_path / "exclude.json").write_text(json.dumps({"lfw": [7]}))
    return tmp_path


def test_validation_people_teach_nothing(data):
    write_people(data, "cfp", [0, 5, 340], range(6))
    people = read_people(data, data, "cfp")
    assert people.number.tolist() == [0, 5]
    assert people.person.tolist() == [0, 0, 0, 1, -1, 1]
    assert people.front.tolist() == [True, False, True, True, False, True]
    assert people.known.information[:, 0, 0].tolist() == [1, 6]


def test_photos_are_counted_without_excluded_people(data):
    write_people(data, "lfw", [1, 2], [0, 2, 4])
    people = read_people(data, data, "lfw")
    assert len(people.keys) == 5
    assert people.person.tolist() == [0, -1, 1, -1, 1]
    assert people.image(0).shape == (12, 9, 3)
    assert people.keys[0] == "0001"


def test_some_photos_of_some_people_are_drawn(data):
    write_people(data, "cfp", [0, 5], range(6))
    people = read_people(data, data, "cfp")
    assert len(people.some_rows(1, 10, 0)) == 2
    assert len(people.some_rows(9, 10, 0)) == 4
    assert len(np.unique(people.person[people.some_rows(9, 1, 0)])) == 1
    assert people.some_rows(1, 2, 3).tolist() == people.some_rows(1, 2, 3).tolist()


def test_missing_files_and_numbers_beyond_the_photos_are_refused(data):
    with pytest.raises(DataError, match="expected evidence of people"):
        read_people(data, data, "ytf")
    write_people(data, "cfp", [0], [60])
    with pytest.raises(DataError, match="beyond its 6"):
        read_people(data, data, "cfp")
