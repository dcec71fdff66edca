"""Readers of `cfp` and MERL-RAV on small data sets made here, in the layout of the real ones."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from packed_sources import make_images, write_source

from monoface.core.errors import DataError
from monoface.data.sources import Cfp, MerlRav, excluded_people
from monoface.data.sources.merl_rav import COVERED, HIDDEN, SEEN


@pytest.fixture
def cfp_folder(tmp_path):
    points = np.random.default_rng(0).uniform(0, 100, (5, 30, 2)).astype(np.float32)
    labels = {
        "points30_px": points,
        "person": np.array([0, 0, 339, 340, 399]),
        "profile": np.array([False, True, False, False, True]),
    }
    return write_source(tmp_path / "cfp", make_images(5, 12, 9), **labels)


def test_cfp_points_are_shifted(cfp_folder):
    source = Cfp(cfp_folder)
    with np.load(cfp_folder / "labels.npz") as labels:
        assert_array_equal(source.points30_px, labels["points30_px"] + np.float32(0.5))
    photo = source[1]
    assert (photo.key, photo.person, photo.profile) == ("0001", 0, True)
    assert photo.image.shape == (12, 9, 3)
    assert_array_equal(photo.points30_px, source.points30_px[1])


def test_the_last_sixty_people_of_cfp_are_validation(cfp_folder):
    assert Cfp(cfp_folder, split="train").person.tolist() == [0, 0, 339]
    assert Cfp(cfp_folder, split="val").person.tolist() == [340, 399]


def test_people_of_the_file_beside_the_source_take_no_part(cfp_folder):
    (cfp_folder.parent / "exclude.json").write_text(json.dumps({"cfp": [0, 399], "ytf": [340]}))
    assert excluded_people(cfp_folder) == {0, 399}
    assert Cfp(cfp_folder).person.tolist() == [339, 340]
    assert Cfp(cfp_folder, split="val").person.tolist() == [340]
    assert len(Cfp(cfp_folder, excluded=())) == 5


def test_without_a_file_or_a_name_in_it_nobody_is_excluded(tmp_path):
    assert excluded_people(tmp_path / "lfw") == frozenset()
    (tmp_path / "exclude.json").write_text('{"cfp": [1]}')
    assert excluded_people(tmp_path / "lfw") == frozenset()


@pytest.mark.parametrize("content", ["{", "[1, 2]", '{"lfw": 3}', '{"lfw": [1.5]}', '{"lfw": [true]}'])
def test_damaged_lists_of_excluded_people_are_refused(tmp_path, content):
    (tmp_path / "exclude.json").write_text(content)
    with pytest.raises(DataError, match=r"exclude\.json: expected"):
        excluded_people(tmp_path / "lfw")


def write_merl_rav(folder, **changes):
    write_source(
        folder,
        make_images(4, 120, 120),
        points21_px=np.full((4, 21, 2), 60, np.float32),
        split=np.array(["train", "val", "train", "val"]),
    )
    points = np.full((3, 68, 2), 50, np.float32)
    state = np.full((3, 68), SEEN, np.uint8)
    state[0, 5], state[0, 6] = HIDDEN, COVERED
    points[0, 5] = np.nan
    points[2, 3] = (150, 60)
    arrays = {"points68_px": points, "state": state, "residual": np.full(3, 0.02, np.float32)}
    np.savez(folder / "merl_rav.npz", **{"key": np.array(["0003", "0000", "0001"]), **arrays, **changes})
    return folder


def test_merl_rav_follows_the_keys_and_splits_of_aflw(tmp_path):
    source = MerlRav(write_merl_rav(tmp_path), max_outside_px=None)
    assert source.keys == ("0003", "0000", "0001")
    assert source.splits == ("val", "train", "val")
    assert MerlRav(tmp_path, split="train").keys == ("0000",)
    assert_array_equal(source[0].image, make_images(4, 120, 120)["0003"])


def test_merl_rav_points_are_shifted_and_know_what_is_seen(tmp_path):
    photo = MerlRav(write_merl_rav(tmp_path))[0]
    assert photo.points68_px[0].tolist() == [50.5, 50.5]
    assert np.isnan(photo.points68_px[5]).all()
    assert (photo.state[5], photo.state[6], photo.split) == (HIDDEN, COVERED, "val")
    assert MerlRav(tmp_path).seen[0].sum() == 66


def test_merl_rav_leaves_out_photos_with_points_far_outside(tmp_path):
    assert MerlRav(write_merl_rav(tmp_path)).keys == ("0003", "0000")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": np.array(["0003", "0000", "9999"])}, "got '9999' and 0 others"),
        ({"state": np.full((3, 68), 3, np.uint8)}, "expected 0, 1 or 2, got 3"),
        ({"state": np.zeros((3, 68), np.uint8)}, "expected a place for every point"),
    ],
)
def test_merl_rav_that_does_not_fit_is_refused(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        MerlRav(write_merl_rav(tmp_path, **changes))


def test_the_real_sources_have_what_their_notes_say(data_dir):
    cfp = Cfp(data_dir / "cfp")
    assert len(Cfp(data_dir / "cfp", excluded=())) == 5_600
    assert len(cfp) == 14 * 397
    people, frontal = np.unique(cfp.person[~cfp.profile], return_counts=True)
    assert set(frontal) == {10}
    assert len(people) == 397
    assert len(set(Cfp(data_dir / "cfp", split="val").person.tolist())) == 59
    merl = MerlRav(data_dir / "aflw", max_outside_px=None)
    assert (len(merl), merl.splits.count("val")) == (12_275, 637)
    assert merl[3].image.shape == (120, 120, 3)
