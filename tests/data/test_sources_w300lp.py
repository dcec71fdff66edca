"""300W-LP in its own layout."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.io import savemat
from w300lp_layout import write_w300lp_photo

from monoface.core.errors import DataError
from monoface.data.sources import W300Lp


@pytest.fixture
def points():
    return np.random.default_rng(0).uniform(0, 40, (68, 2))


@pytest.fixture
def folder(tmp_path, points):
    image = np.full((40, 48, 3), 90, np.uint8)
    write_w300lp_photo(tmp_path, "AFW/AFW_1_0", image, points, (-20.0, 5.0, 3.0))
    write_w300lp_photo(tmp_path, "AFW/AFW_1_1", image, points + 1, (-70.0, 5.0, 3.0))
    write_w300lp_photo(tmp_path, "LFPW/LFPW_2_0", image, points, (0.0, 0.0, 0.0))
    write_w300lp_photo(tmp_path, "AFW_Flip/AFW_1_0", image[:, ::-1], None, (20.0, 5.0, -3.0))
    write_w300lp_photo(tmp_path, "Code/x", image, None, (0.0, 0.0, 0.0))
    return tmp_path


def test_photos_come_with_points_and_angles(folder, points):
    source = W300Lp(folder)
    assert source.keys == ("AFW/AFW_1_0", "AFW/AFW_1_1", "LFPW/LFPW_2_0")
    photo = source[1]
    assert photo.image.shape == (40, 48, 3)
    # The first pixel's centre is at (0, 0) there.
    assert_allclose(photo.labels.points68_px, points + 1.5, rtol=1e-6)
    assert_allclose(
        (photo.labels.yaw_deg, photo.labels.pitch_deg, photo.labels.roll_deg), (-70, 5, 3), rtol=1e-5
    )


def test_mirror_images_come_when_asked_for_with_the_points_of_their_own_file(folder, points):
    source = W300Lp(folder, flips=True)
    number = source.keys.index("AFW_Flip/AFW_1_0")
    with pytest.raises(DataError, match="expected pt3d_68"):
        source.labels(number)
    savemat(
        folder / "AFW_Flip" / "AFW_1_0.mat",
        {"Pose_Para": np.zeros((1, 7)), "pt3d_68": np.concatenate((points.T, np.ones((1, 68))))},
    )
    assert_allclose(source.labels(number).points68_px, points + 0.5, rtol=1e-6)


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match="expected photos in AFW, HELEN, IBUG, LFPW, found none"):
        W300Lp(tmp_path)


def test_points_that_are_not_finite_are_refused(folder, points):
    points[3] = np.nan
    savemat(folder / "landmarks" / "AFW" / "AFW_1_0_pts.mat", {"pts_3d": points})
    with pytest.raises(DataError, match="expected finite points and angles"):
        W300Lp(folder).labels(0)
