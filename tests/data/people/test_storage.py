"""Files of the label engine: what is read is what was written, and other recipes are not read."""

import numpy as np
import pytest
from known_faces import ToldEyes, known_faces, photos_of

from monoface.core.errors import DataError
from monoface.data.people.habits import Habits
from monoface.data.people.lids import LidCorrection
from monoface.data.people.looking import forget_descriptors, look_at_photos
from monoface.data.people.looks import Looks
from monoface.data.people.storage import load_habits, load_population, save_habits, save_population
from monoface.facemodel.estimation.population import Population


def test_habits_and_lids_are_read_as_written(tmp_path):
    rng = np.random.default_rng(0)
    habits = {name: Habits(rng.normal(size=(3, 557, 2)), rng.permutation(557)) for name in ("cfp", "my/own")}
    save_habits(tmp_path / "habits.npz", habits, LidCorrection(1.25, -0.01), "r")
    read, lids = load_habits(tmp_path / "habits.npz", "r")
    assert lids == LidCorrection(1.25, -0.01)
    assert read.keys() == habits.keys()
    for name, one in habits.items():
        np.testing.assert_allclose(read[name].offset_mm, one.offset_mm, rtol=1e-6)
        assert (read[name].mirror == one.mirror).all()


def test_files_of_another_recipe_are_as_good_as_absent(tmp_path):
    save_population(tmp_path / "population.npz", Population.standard(2, 3), "one")
    assert load_population(tmp_path / "population.npz", "two") is None
    assert load_population(tmp_path / "none.npz", "one") is None
    assert load_population(tmp_path / "population.npz", "one").weights.shape == (3, 2)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive"])
def test_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "population.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"cannot read it .* Delete it to make it anew"):
        load_population(tmp_path / "population.npz", "r")


def test_looks_without_descriptors_are_described_again(tmp_path):
    faces = known_faces([0, 0, 1])
    photos, eyes = photos_of(faces), ToldEyes(faces, absent=[1])
    first = look_at_photos(photos, eyes, tmp_path)
    forget_descriptors(tmp_path)
    assert not Looks.load(tmp_path / "00000.npz").described
    again = look_at_photos(photos, eyes, tmp_path)
    assert eyes.looked == 3
    np.testing.assert_array_equal(again.descriptor, first.descriptor)
    assert np.isnan(again.descriptor[1]).all()
    assert again.score.tolist() == pytest.approx([0.99, 0.0, 0.99])


def test_a_damaged_part_is_looked_at_again(tmp_path):
    faces = known_faces([0, 0, 1])
    first = look_at_photos(photos_of(faces), ToldEyes(faces), tmp_path)
    (tmp_path / "00000.npz").write_bytes(b"PK\x03\x04")
    again = look_at_photos(photos_of(faces), ToldEyes(faces), tmp_path)
    np.testing.assert_array_equal(again.points_px, first.points_px)
