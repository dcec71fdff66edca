"""Folders of views in the layouts of others: read as they are described, and refused otherwise."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image
from w300lp_layout import write_w300lp_photo

from monoface.core.errors import DataError
from monoface.data.recipes.view_folders import folder_views
from monoface.data.sources import MgcnetStrips, MultiPie

SIDE = 32


def picture(value: int, width: int = SIDE) -> np.ndarray:
    return np.full((SIDE, width, 3), value, np.uint8)


def write_strip(folder: Path, name: str, points: np.ndarray, *, skin: bool = True) -> None:
    (folder / "set").mkdir(parents=True, exist_ok=True)
    strip = np.concatenate([picture(value) for value in (40, 120, 200)], axis=1)
    Image.fromarray(strip).save(folder / "set" / f"{name}.jpg", quality=95)
    if skin:
        Image.fromarray(strip // 2).save(folder / "set" / f"{name}_skin.jpg", quality=95)
    lines = ["4700 0 112", "0 4700 112", "0 0 1"]
    for view in points:
        lines += ["68", *(f"{x:.3f},{y:.3f}" for x, y in view)]
    (folder / "set" / f"{name}_cam.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def points():
    return np.random.default_rng(2).uniform(4, 28, (3, 68, 2))


@pytest.fixture
def strips(tmp_path, points):
    write_strip(tmp_path, "a", points)
    write_strip(tmp_path, "b", points[::-1])
    (tmp_path / "train.txt").write_text("2 set a\n0 /somewhere/else/set b\n")
    return tmp_path


def test_strips_are_three_pictures_with_their_landmarks(strips, points):
    sample = MgcnetStrips(strips)[0]
    assert sample.key == "set/a"
    assert sample.gate == 2
    assert_allclose(sample.images.mean(axis=(1, 2, 3)), (40, 120, 200), atol=2)
    assert_allclose(sample.skin.mean(axis=(1, 2)), (20, 60, 100), atol=2)
    assert_allclose(sample.labels.points68_px, points + 0.5, atol=1e-3)
    assert sample.labels.intrinsics[0].tolist() == [4700, 0, 112]


def test_strips_as_views_keep_their_order_and_their_flags(strips, points):
    photos = folder_views("strips", strips)
    assert len(photos) == 6
    assert photos.views.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert photos.gate.tolist() == [2, 0]
    assert [round(float(photos.images[row].mean()) / 40) for row in range(3)] == [1, 3, 5]
    assert_allclose(float(photos.skin[2].mean()), 100, atol=2)
    assert_allclose(photos.points_px["ibug68"][3], points[2] + 0.5, atol=1e-3)
    low, high = points[1].min(axis=0) + 0.5, points[1].max(axis=0) + 0.5
    assert_allclose((photos.boxes[1, :2] + photos.boxes[1, 2:]) / 2, (low + high) / 2, atol=1e-3)
    assert len(folder_views("strips", strips, limit=1)) == 3


def test_strips_without_skin_leave_it_to_others(tmp_path, points):
    write_strip(tmp_path, "a", points, skin=False)
    (tmp_path / "train.txt").write_text("1 set a\n")
    assert MgcnetStrips(tmp_path)[0].skin is None
    assert folder_views("strips", tmp_path).skin is None


def test_damaged_strips_are_refused(strips):
    (strips / "train.txt").write_text("3 set a\n")
    with pytest.raises(DataError, match="line 1: expected a flag 0, 1 or 2"):
        MgcnetStrips(strips)
    (strips / "train.txt").write_text("2 set a\n")
    Image.fromarray(picture(9, 2 * SIDE)).save(strips / "set" / "a.jpg")
    with pytest.raises(DataError, match="3 squares side by side, got 64 x 32"):
        MgcnetStrips(strips).images(0)
    lines = (strips / "set" / "a_cam.txt").read_text().splitlines()
    (strips / "set" / "a_cam.txt").write_text("\n".join(lines[:-5]))
    with pytest.raises(DataError, match=r"cannot read them|expected a 3 x 3 camera"):
        MgcnetStrips(strips).labels(0)
    with pytest.raises(DataError, match="expected the list of samples"):
        MgcnetStrips(strips / "set")


def write_multipie(folder: Path, name: str, points: np.ndarray | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(77)).save(folder / f"{name}.png")
    if points is not None:
        np.savez(folder / f"{name}.npz", points_px=points.astype(np.float32), landmark_set="ibug68")


def test_multipie_groups_by_moment_and_knows_its_cameras(tmp_path, points):
    for name in ("001_01_01_051_07", "001_01_01_140_07", "001_01_01_050_07", "001_01_02_051_07"):
        write_multipie(tmp_path / "session01", name, points[0])
    write_multipie(tmp_path, "001_01_01_130_07", None)
    write_multipie(tmp_path, "001_01_01_191_07", points[0])
    photos = MultiPie(tmp_path)
    assert len(photos) == 4
    assert photos.yaw_deg.tolist() == [-15, 0, 15, 0]
    views = folder_views("multipie", tmp_path)
    assert views.group.tolist() == [0, 0, 0, 1]
    assert_allclose(views.points_px["ibug68"][1], points[0], atol=1e-4)
    assert views.images[0].shape == (SIDE, SIDE, 3)


def test_multipie_without_landmarks_is_refused(tmp_path):
    write_multipie(tmp_path, "001_01_01_051_07", None)
    with pytest.raises(DataError, match="with landmarks beside"):
        MultiPie(tmp_path)


def test_300w_lp_groups_the_turns_of_one_photo(tmp_path, points):
    for key, yaw in (("AFW/AFW_1_1_0", 5.0), ("AFW/AFW_1_1_1", 25.0), ("HELEN/HELEN_9_1_0", -5.0)):
        write_w300lp_photo(tmp_path, key, picture(50), points[0], (yaw, 0.0, 0.0))
    views = folder_views("300w-lp", tmp_path)
    assert views.group.tolist() == [0, 0, 1]
    assert_allclose(views.yaw_deg, (5, 25, -5), atol=1e-3)
    assert_allclose(views.points_px["ibug68"][2], points[0] + 0.5, atol=1e-3)
