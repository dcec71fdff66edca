"""Each reader on a small data set made here, in the layout of the real one."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from packed_sources import make_images, write_source

from monoface.core.errors import DataError
from monoface.data.sources import Aflw, Fasseg, Lfw, Omi, PortraitsCc0, Ytf
from monoface.data.sources.aflw import outside_px


@pytest.fixture
def aflw_folder(tmp_path):
    points = np.full((4, 21, 2), 60, dtype=np.float32)
    points[0, 3] = np.nan
    points[1, 20] = (60, 140)
    points[2, 20] = (-15.9, 60)
    splits = np.array(["train", "train", "val", "train"])
    return write_source(tmp_path / "aflw", make_images(4, 120, 120), points21_px=points, split=splits)


def test_aflw_points_are_shifted_and_invisible_ones_stay_missing(aflw_folder):
    source = Aflw(aflw_folder)
    photo = source[0]
    assert photo.points21_px.dtype == np.float32
    assert photo.points21_px[0].tolist() == [60.5, 60.5]
    assert np.isnan(photo.points21_px[3]).all()
    assert source.visible.sum() == 21 * 3 - 1


def test_aflw_leaves_out_photos_with_points_far_outside(aflw_folder):
    assert Aflw(aflw_folder).keys == ("0000", "0002", "0003")
    assert Aflw(aflw_folder, max_outside_px=None).keys == ("0000", "0001", "0002", "0003")
    assert Aflw(aflw_folder, max_outside_px=5).keys == ("0000", "0003")


def test_aflw_splits(aflw_folder):
    assert Aflw(aflw_folder, split="train").keys == ("0000", "0003")
    validation = Aflw(aflw_folder, split="val")
    assert validation.splits == ("val",)
    assert [photo.key for photo in validation] == ["0002"]


def test_how_far_points_are_outside_the_crop():
    points = np.full((3, 2, 2), 50, dtype=np.float32)
    points[0, 1] = (-7, 3)
    points[1, 0] = (119, 131.5)
    points[2] = np.nan
    assert outside_px(points).tolist() == [7, 11.5, -np.inf]


def test_pictures_come_in_bulk_and_one_by_one(aflw_folder):
    source = Aflw(aflw_folder)
    images = source.load_images()
    assert images.shape == (3, 120, 120, 3)
    assert images.dtype == np.uint8
    expected = list(make_images(4, 120, 120).values())
    assert_array_equal(images, [expected[0], expected[2], expected[3]])
    assert_array_equal(source.load_images([2, 0]), images[[2, 0]])
    assert_array_equal(list(source.iter_images([1])), images[1:2])
    assert_array_equal(source[2].image, images[2])


def test_no_photos_make_no_array(aflw_folder):
    with pytest.raises(DataError, match="expected at least one photo"):
        Aflw(aflw_folder).load_images([])


def test_ytf(tmp_path):
    points = np.random.default_rng(0).uniform(0, 224, (2, 68, 2)).astype(np.float32)
    labels = {"points68_px": points, "person": np.array([5, 9]), "clip": np.array(["0t", "1t"])}
    photo = Ytf(write_source(tmp_path, make_images(2, 224, 224), **labels))[1]
    assert_array_equal(photo.points68_px, points[1] + np.float32(0.5))
    assert (photo.key, photo.person, photo.clip) == ("0001", 9, "1t")


def test_lfw(tmp_path):
    source = Lfw(write_source(tmp_path, make_images(2, 160, 160), person=np.array([5, 9])))
    assert [photo.person for photo in source] == [5, 9]


@pytest.mark.parametrize("kind", [Omi, PortraitsCc0])
def test_sources_without_labels(tmp_path, kind):
    source = kind(write_source(tmp_path, make_images(2, 7, 5)))
    assert len(source) == 2
    assert_array_equal(source[1].image, make_images(2, 7, 5)["0001"])


def fasseg_labels(**changes):
    labels = {
        "yaw_deg": np.array([-90, 15], np.float32),
        "person": np.array([-1, 3]),
        "shot": np.array([-1, 0]),
        "classes": np.array(["background", "skin", "hair", "eyes", "nose", "mouth"]),
    }
    return labels | changes


def test_fasseg(tmp_path):
    images = make_images(2, 6, 4)
    masks = {key: np.full((6, 4), index + 4, np.uint8) for index, key in enumerate(images)}
    photo = Fasseg(write_source(tmp_path, images, masks, **fasseg_labels()))[1]
    assert (photo.yaw_deg, photo.person, photo.shot) == (15.0, 3, 0)
    assert_array_equal(photo.mask, masks["0001"])
    assert_array_equal(photo.image, images["0001"])


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.full((6, 4), 6, np.uint8), "expected class indices below 6, got 6"),
        (np.zeros((6, 5), np.uint8), "expected a mask of"),
    ],
)
def test_fasseg_masks_that_do_not_fit_are_refused(tmp_path, mask, message):
    images = make_images(2, 6, 4)
    source = Fasseg(write_source(tmp_path, images, dict.fromkeys(images, mask), **fasseg_labels()))
    with pytest.raises(DataError, match=message):
        source[0]


def test_fasseg_with_other_classes_is_refused(tmp_path):
    classes = np.array(["skin", "background", "hair", "eyes", "nose", "mouth"])
    write_source(tmp_path, make_images(2, 6, 4), **fasseg_labels(classes=classes))
    with pytest.raises(DataError, match="expected the classes"):
        Fasseg(tmp_path)


def test_pictures_of_different_sizes_are_no_array(tmp_path):
    images = {"a": np.zeros((4, 5, 3), np.uint8), "b": np.zeros((5, 5, 3), np.uint8)}
    with pytest.raises(DataError, match="b: expected the size of a"):
        Omi(write_source(tmp_path, images)).load_images()


def test_the_real_sources_have_what_their_notes_say(data_dir):
    aflw = Aflw(data_dir / "aflw")
    assert len(Aflw(data_dir / "aflw", max_outside_px=None)) - len(aflw) == 27
    assert aflw.splits.count("val") + aflw.splits.count("train") == len(aflw) == 19_053
    assert aflw[7].image.shape == (120, 120, 3)
    ytf = Ytf(data_dir / "ytf")
    assert (len(ytf), len(set(ytf.person.tolist()))) == (3_657, 300)
    assert ytf[0].image.shape == (224, 224, 3)
    lfw = Lfw(data_dir / "lfw")
    assert len(lfw) == 8_057
    assert np.unique(lfw.person, return_counts=True)[1].min() >= 2
    assert len(Omi(data_dir / "omi")) == 904
    assert PortraitsCc0(data_dir / "portraits_cc0").load_images([0, 199]).shape == (2, 384, 384, 3)
    fasseg = Fasseg(data_dir / "fasseg")
    assert len(fasseg) == 344
    assert len(np.unique(fasseg.yaw_deg)) == 13
    assert set(np.unique(fasseg[300].mask)) <= set(range(6))
