"""The teacher: dense landmarks at the right place, whatever the turn and size of the photo."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from monoface.core.errors import ConfigError
from monoface.detection import FaceMeshConfig, FaceMeshTeacher
from monoface.detection.crops import SquareCrop
from monoface.detection.teacher import crop_from_detection, crop_from_mesh

# Canonical indices: outer and inner corners of the right eye, of the left, nose tip, lip corners, chin.
_EYES, _NOSE, _LIPS, _CHIN = (33, 133, 362, 263), 1, (61, 291), 152


@pytest.fixture(scope="module")
def teacher():
    return FaceMeshTeacher()


@pytest.fixture(scope="module")
def marked(teacher, detector, astronaut):
    return teacher(astronaut, detector(astronaut))


def test_the_sample_is_marked_at_its_place(marked):
    points = marked.points_px[0]
    assert len(marked) == 1
    assert marked.score[0] > 0.95
    assert_allclose(points[_EYES[:2], :2].mean(axis=0), [203, 102], atol=3)
    assert_allclose(points[_EYES[2:], :2].mean(axis=0), [246, 103], atol=3)
    assert_allclose(points[_LIPS, :2].mean(axis=0), [223, 140], atol=4)
    assert points[_NOSE, 1] < points[_LIPS, 1].min() < points[_CHIN, 1]


def test_depth_grows_away_from_the_camera(marked):
    depth = marked.points_px[0, :, 2]
    cheek_sides = (234, 454)
    assert depth[_NOSE] < depth[list(_EYES)].min() < depth[list(cheek_sides)].min()


def test_a_turned_photo_turns_the_points(teacher, detector, astronaut, marked):
    turned = teacher(np.rot90(astronaut).copy(), detector(np.rot90(astronaut).copy()))
    expected = np.stack([marked.points_px[0, :, 1], 512 - marked.points_px[0, :, 0]], axis=1)
    assert np.linalg.norm(turned.points_px[0, :, :2] - expected, axis=1).mean() < 2


def test_a_larger_photo_scales_the_points(teacher, detector, astronaut, marked):
    large = np.asarray(Image.fromarray(astronaut).resize((1280, 1280), Image.Resampling.BICUBIC))
    found = teacher(large, detector(large)[:1])
    assert np.linalg.norm(found.points_px[0] / 2.5 - marked.points_px[0], axis=1).mean() < 2


def test_the_crop_does_not_need_to_fit(teacher, astronaut, marked):
    """Two passes end at one place from crops that are off by a tenth of their side."""
    photo = Image.fromarray(astronaut)
    crop = crop_from_mesh(marked.points_px[0])
    (x, y), side = crop.centre_px, crop.side_px
    shifted = [SquareCrop((x + 0.1 * side, y), side), SquareCrop((x, y), 1.2 * side, 0.2)]
    points = teacher.mark([photo] * 2, shifted).points_px
    assert np.linalg.norm(points - marked.points_px, axis=2).mean(axis=1).max() < 2.5


def test_batches_do_not_change_the_points(detector, astronaut):
    photos = [Image.fromarray(astronaut)] * 3
    crop = crop_from_detection(detector(astronaut)[0])
    crops = [crop, SquareCrop(crop.centre_px, crop.side_px * 1.1, 0.1), crop]
    one_by_one = FaceMeshTeacher(FaceMeshConfig(batch_size=1)).mark(photos, crops)
    together = FaceMeshTeacher(FaceMeshConfig(batch_size=3)).mark(photos, crops)
    assert_allclose(one_by_one.points_px, together.points_px, atol=0.01)


def test_a_crop_without_a_face_scores_low(teacher, noise):
    texture = Image.fromarray(noise.integers(0, 256, (200, 300, 3), dtype=np.uint8))
    assert teacher.mark([texture], [SquareCrop((150.0, 100.0), 180.0)]).score[0] < 0.1


def test_the_first_crop_has_a_quarter_of_margin_and_level_eyes(detector, astronaut):
    (found,) = detector(astronaut)
    crop = crop_from_detection(found)
    right_eye, left_eye = crop.from_photo(found.keypoints_px[:2], 192)
    assert_allclose(crop.side_px, 1.5 * (found.network_box[2:] - found.network_box[:2]).max())
    assert math.isclose(right_eye[1], left_eye[1], abs_tol=1e-6)
    assert right_eye[0] < left_eye[0]


def test_no_faces_give_no_points(teacher, astronaut):
    assert teacher(astronaut, []).points_px.shape == (0, 468, 3)


def test_a_missing_crop_is_refused(teacher, astronaut):
    with pytest.raises(ConfigError, match="expected one for each of 1 photos, got 0"):
        teacher.mark([Image.fromarray(astronaut)], [])


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="passes and batch_size"):
        FaceMeshConfig(passes=0)
