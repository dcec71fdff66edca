"""What was seen in photos, kept."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.core.errors import DataError
from monoface.training.likeness.looks import Looks


@pytest.fixture
def looks(photos_of):
    return photos_of(np.random.default_rng(0).normal(size=(5, 4)))


def test_round_trip(looks, tmp_path):
    looks.save(tmp_path / "looks.npz", "weights")
    again, recipe = Looks.load(tmp_path / "looks.npz")
    assert recipe == "weights"
    assert again.keys == looks.keys
    assert_allclose(again.seen.place_px, looks.seen.place_px)
    assert_allclose(again.start.rotation, looks.start.rotation)
    assert_allclose(again.descriptor, looks.descriptor)


def test_joined_and_taken_apart(looks):
    both = Looks.joined([looks, looks[np.array([3])]])
    assert both.keys == (*looks.keys, "photo3")
    assert_allclose(both.identity[5], looks.identity[3])
    assert_allclose(both.turn_deg[:5], looks.turn_deg)


def test_turns_are_angles_to_the_camera(looks):
    nose = looks.start.rotation @ [0.0, 0.0, 1.0]
    assert_allclose(np.cos(np.deg2rad(looks.turn_deg)), -nose[:, 2], atol=1e-9)


def test_photos_without_a_face_are_known(looks, without_a_face):
    assert without_a_face(looks, 2).found.tolist() == [True, True, False, True, True]


def test_damage_is_refused(tmp_path):
    (tmp_path / "looks.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match="expected what was seen in photos"):
        Looks.load(tmp_path / "looks.npz")
