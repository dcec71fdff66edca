import numpy as np
import pytest
import torch

from monoface.data.synthetic.wrinkle_maps import WrinkleConfig, _taught_profile
from monoface.data.synthetic.wrinkled_heads import WrinkledHeadPainter, WrinkledHeadsConfig, sample_lamps

SMALL = WrinkledHeadsConfig(
    WrinkleConfig(aged=1.0, marked=1.0), picture_px=96, texture_px=128, lights=2, noise=0.3, seed=3
)


@pytest.fixture(scope="module")
def painter(face_model):
    return WrinkledHeadPainter(face_model, SMALL)


@pytest.fixture(scope="module")
def head(painter):
    return painter.sample(1)


def test_the_same_number_gives_the_same_head(painter, head):
    again = painter.sample(1)
    np.testing.assert_array_equal(again.pictures, head.pictures)
    np.testing.assert_array_equal(again.detail.height_mm, head.detail.height_mm)
    assert (painter.sample(2).pictures != head.pictures).any()


def test_one_head_has_one_shape_and_several_lights(head):
    assert torch.equal(head.verts_camera[0], head.verts_camera[1])
    assert not torch.equal(head.coefficients.light[0], head.coefficients.light[1])
    assert (head.pictures[0] != head.pictures[1]).any()


def test_relief_is_bounded_and_stays_where_it_may(painter, head):
    height = head.detail.height_mm
    assert 0.02 < np.abs(height).max() < 4
    assert not height[painter.painter.weight == 0].any()
    assert np.abs(height[head.detail.wrinkled]).mean() > 3 * np.abs(height).mean()


def test_marks_change_the_colour_alone(painter):
    smooth = WrinkleConfig(aged=0.0, marked=1.0)
    detail = painter.painter.sample(np.random.default_rng(5), smooth)
    assert not detail.height_mm.any()
    assert not detail.wrinkled.any()
    assert detail.marked.any()
    assert detail.paint[detail.marked].mean() < detail.paint[~detail.marked].mean()


def test_families_differ(painter):
    heights = [
        painter.painter.sample(np.random.default_rng(7), WrinkleConfig(family=family, aged=1.0)).height_mm
        for family in ("taught", "kept")
    ]
    assert np.abs(heights[0] - heights[1]).max() > 0.05


def test_lights_are_in_front():
    lights = torch.stack([sample_lamps(np.random.default_rng(number)).harmonics() for number in range(20)])
    assert (lights[:, 0] > 0).all()
    # z points away from the camera, so that light from the camera's side has a negative coefficient.
    assert (lights[:, 2].mean(dim=-1) < 0).all()


def test_a_moved_light_is_the_same_from_another_side():
    for number in range(10):
        rng = np.random.default_rng(number)
        lamps = sample_lamps(rng)
        moved = lamps.moved(np.deg2rad(30.0), rng)
        torch.testing.assert_close(moved.sky, lamps.sky)
        torch.testing.assert_close(moved.strengths, lamps.strengths)
        torch.testing.assert_close(moved.directions.norm(dim=-1), torch.ones(2))
        turned = (lamps.directions[0] @ moved.directions[0]).acos().rad2deg()
        # A lamp that would go behind the head is reflected to its front.
        assert turned == pytest.approx(30, abs=0.01) or turned < 30
        assert (moved.directions[:, 2] <= 0).all()


def test_wrinkles_are_dark_in_their_valleys(painter):
    detail = painter.painter.sample(np.random.default_rng(8), WrinkleConfig(aged=1.0, cavity=(0.3, 0.3)))
    deep = detail.height_mm < -0.3 * np.abs(detail.height_mm).max()
    assert (detail.cavity[deep] < -0.01).all()
    assert (detail.cavity <= 0).all()


def test_depths_follow_widths_and_no_wrinkle_is_steep(painter):
    courses = [
        course
        for number in range(30)
        for course in painter.painter.courses.sample(np.random.default_rng(number), "taught")
    ]
    assert len(courses) > 200
    assert all(0 < course.depth_mm <= 0.5 * course.width_mm for course in courses)
    assert all(0.5 < course.width_mm < 6 for course in courses)


@pytest.mark.parametrize("exponent", [0.8, 1.0, 2.0])
def test_valleys_are_as_wide_whether_round_or_sharp(exponent):
    across = np.array((-6.0, -1.0, 0.0, 1.0, 6.0))
    rng = np.random.default_rng(1)
    ridge = np.random.default_rng(1).uniform(0, 0.5)
    valley = _taught_profile(across, False, exponent, rng)
    assert valley[2] == pytest.approx(-1)
    assert valley[1] == valley[3] == pytest.approx(ridge * np.exp(-0.125) - (1 + ridge) * np.exp(-0.5))
    assert np.abs(valley[[0, 4]]).max() < 0.2
    fold = _taught_profile(across, True, exponent, rng)
    assert sorted(fold[[1, 3]]) == pytest.approx([-1, 1])
    assert fold[2] == 0


def test_creases_are_steeper_than_round_valleys():
    across = np.linspace(-3, 3, 601)
    slopes = [
        np.abs(np.gradient(_taught_profile(across, False, exponent, np.random.default_rng(1)), across))
        for exponent in (0.8, 2.0)
    ]
    assert slopes[0].max() > 1.3 * slopes[1].max()
