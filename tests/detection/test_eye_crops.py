"""Crops around eyes: where they lie, and the way back."""

import numpy as np
import pytest

from monoface.detection.eye_crops import eye_crops

# Outer and inner corner of the right eye, then of the left one, as a face that looks at the camera has them.
CORNERS = np.array([[[20.0, 40.0], [40.0, 40.0]], [[80.0, 40.0], [62.0, 40.0]]])


def turned(points, angle_rad, centre=(50.0, 40.0)):
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return (points - centre) @ np.array([[cosine, sine], [-sine, cosine]]) + centre


@pytest.mark.parametrize("angle_rad", [0.0, 0.6, np.pi])
def test_outer_corners_lie_at_image_left_whatever_the_roll(angle_rad):
    corners = turned(CORNERS, angle_rad)
    for crop, (outer, inner) in zip(eye_crops(corners, 2.0), corners, strict=True):
        found = crop.from_photo(np.stack((outer, inner)))
        assert crop.eye_px == pytest.approx(20.0)
        assert found[0, 0] < -0.4
        assert found[1, 0] > 0.4
        np.testing.assert_allclose(found[:, 1], 0, atol=1e-9)
        np.testing.assert_allclose(crop.to_photo(found), (outer, inner), atol=1e-9)


def test_both_eyes_of_a_mirrored_face_look_alike():
    photo = np.random.default_rng(0).integers(0, 255, (80, 101, 3), dtype=np.uint8)
    symmetric = np.concatenate((photo, photo[:, ::-1]), axis=1)
    # The mirror image of x is 202 - x.
    corners = np.array([[[30.0, 40.0], [50.0, 40.0]], [[172.0, 40.0], [152.0, 40.0]]])
    right, left = eye_crops(corners, 2.0)
    np.testing.assert_array_equal(right.sample(symmetric, 40), left.sample(symmetric, 40))


def test_a_crop_of_a_resized_photo_shows_the_same():
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (160, 200, 3)).copy()
    crop = eye_crops(CORNERS, 2.0)[0]
    whole = crop.sample(ramp, 20)
    half = crop.scaled(0.5).sample(ramp[::2, ::2], 20)
    assert np.abs(whole.astype(int) - half.astype(int)).mean() < 2


def test_outside_the_photo_it_is_black():
    photo = np.full((30, 30, 3), 255, np.uint8)
    inside, outside = eye_crops(np.array([[[0.0, 5.0], [10.0, 5.0]], [[110.0, 5.0], [100.0, 5.0]]]), 2.0)
    assert inside.sample(photo, 20)[14, 14].tolist() == [255, 255, 255]
    assert not outside.sample(photo, 20).any()


def test_corners_without_a_place_are_refused():
    with pytest.raises(ValueError, match="expected finite points apart"):
        eye_crops(np.full((2, 2, 2), np.nan), 2.0)
