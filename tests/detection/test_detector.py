"""Finding faces: the right ones, at the right place, and none where there is none."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from skimage import data

from monoface.core.errors import ConfigError, ImageError
from monoface.detection import FaceDetector, FaceDetectorConfig
from monoface.geometry.roi import box_iou
from monoface.photos.loaded import LoadedImage

# Right and left eye, nose tip and mouth, and the extent from brows to chin, read off the picture.
_KEYPOINTS_PX = np.array([[204.0, 102.0], [246.0, 103.0], [225.0, 129.0], [225.0, 147.0]])
_BOX = np.array([178.0, 88.0, 272.0, 177.0])


def test_the_sample_is_found_at_its_place(detector, astronaut):
    (found,) = detector(astronaut)
    assert found.score > 0.8
    assert box_iou(_BOX, found.box[None])[0] > 0.6
    assert_allclose(found.keypoints_px[:4], _KEYPOINTS_PX, atol=4)


def test_the_same_photo_gives_the_same_result(detector, astronaut):
    first, again = detector(astronaut), detector(astronaut.copy())
    assert_array_equal(first[0].box, again[0].box)
    assert first[0].score == again[0].score


def test_the_photo_is_left_as_it_is(detector, astronaut):
    before = astronaut.copy()
    detector(astronaut)
    assert_array_equal(astronaut, before)


def test_a_batch_gives_what_its_photos_give(detector, astronaut):
    photos = [astronaut, astronaut[:300, 100:400], np.zeros((50, 70, 3), dtype=np.uint8)]
    together = detector.detect_batch(photos)
    assert [len(found) for found in together] == [1, 1, 0]
    for photo, found in zip(photos[:2], together, strict=False):
        assert_allclose(found[0].box, detector(photo)[0].box, atol=0.01)


def test_a_shifted_photo_shifts_the_result(detector, astronaut):
    canvas = np.zeros((560, 640, 3), dtype=np.uint8)
    canvas[31:543, 87:599] = astronaut
    (found,) = detector(canvas)
    (alone,) = detector(astronaut)
    assert_allclose(found.box, alone.box + np.array([87, 31, 87, 31]), atol=5)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_photo_on_its_side_is_found(detector, astronaut, quarters):
    (found,) = detector(np.rot90(astronaut, quarters).copy())
    centre = _KEYPOINTS_PX.mean(axis=0) - 256
    for _ in range(quarters):
        centre = np.array([centre[1], -centre[0]])
    assert_allclose(found.keypoints_px[:4].mean(axis=0), centre + 256, atol=10)


def test_an_upside_down_photo_is_searched_turned_unless_told_otherwise(detector, astronaut):
    photo = np.rot90(astronaut, 2).copy()
    (found,) = detector(photo)
    upright_only = FaceDetector(FaceDetectorConfig(turned=False, threads=1))(photo)
    right_eye, left_eye, nose = found.keypoints_px[:3]
    assert nose[1] < right_eye[1]
    assert left_eye[0] < right_eye[0]
    assert all(one.score < found.score for one in upright_only)


def test_a_face_larger_than_the_picture_is_found(detector, astronaut):
    (found,) = detector(astronaut[84:174, 184:268])
    assert_allclose(found.keypoints_px[2], _KEYPOINTS_PX[2] - [184, 84], atol=8)


def test_small_faces_of_a_large_photo_are_found_in_tiles(detector, astronaut):
    small = np.asarray(Image.fromarray(astronaut[:256, 100:356]).resize((128, 128)))
    canvas = np.full((1200, 1600, 3), 90, dtype=np.uint8)
    corners = [(40, 30), (1440, 50), (700, 1040)]
    for x, y in corners:
        canvas[y : y + 128, x : x + 128] = small
    found = detector(canvas)
    assert len(found) == 3
    nose = (_KEYPOINTS_PX[2] - [100, 0]) / 2
    expected = sorted((x + nose[0], y + nose[1]) for x, y in corners)
    assert_allclose(sorted(tuple(one.keypoints_px[2]) for one in found), expected, atol=4)


def test_faces_come_largest_first_and_as_many_as_asked(detector, astronaut):
    half = np.asarray(Image.fromarray(astronaut).resize((256, 256)))
    photo = np.zeros((512, 768, 3), dtype=np.uint8)
    photo[:256, :256], photo[:, 256:] = half, astronaut
    large, little = detector(photo)
    assert large.box[0] > 256 > little.box[2]
    (only,) = FaceDetector(FaceDetectorConfig(max_faces=1, threads=1))(photo)
    assert_array_equal(only.box, large.box)


def test_all_faces_of_a_crowd_are_found(detector, astronaut):
    """Defect: 200 of them, without a word."""
    face = Image.fromarray(astronaut).crop((140, 20, 310, 240)).resize((68, 88))
    crowd = Image.new("RGB", (18 * 68, 13 * 88), (90, 110, 90))
    for number in range(18 * 13):
        row, column = divmod(number, 18)
        one = face.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if number % 2 else face
        crowd.paste(one, (column * face.width, row * face.height))
    assert len(detector(np.asarray(crowd))) == 18 * 13


def test_a_crowd_near_the_smallest_size_is_searched_for_smaller_faces(detector, astronaut):
    """Defect: 214 of 300 faces of a mosaic, in which they are about 26 pixels wide."""
    face = Image.fromarray(astronaut).crop((140, 20, 310, 240)).resize((46, 60), Image.Resampling.LANCZOS)
    crowd = Image.new("RGB", (24 * 46, 10 * 60), (90, 110, 90))
    for number in range(240):
        row, column = divmod(number, 24)
        crowd.paste(face, (column * face.width, row * face.height))
    assert len(detector(np.asarray(crowd))) == 240


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (17, 23)])
def test_tiny_pictures_have_no_faces(detector, size):
    assert detector(np.full((*size, 3), 200, dtype=np.uint8)) == []


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "coins", "page"])
def test_photos_without_people_have_no_faces(detector, name):
    image = getattr(data, name)()
    assert detector(image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)) == []


@pytest.mark.parametrize("cells", [5, 40])
def test_textures_have_no_faces(detector, noise, cells):
    blobs = Image.fromarray(noise.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
    assert detector(np.asarray(blobs.resize((480, 360), Image.Resampling.BICUBIC))) == []


def test_other_pictures_are_refused(detector):
    with pytest.raises(ImageError, match="non-empty uint8 array"):
        detector(np.zeros((0, 4, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_faces": 0}, "max_faces"),
        ({"min_face_px": 0.0}, "min_face_px"),
        ({"min_face_part": 1.0}, "min_face_part"),
        ({"proposal_score": 1.0}, "proposal_score"),
        ({"tile_overlap": 0.05}, "tile_overlap"),
        ({"threads": 0}, "threads"),
    ],
)
def test_settings_that_cannot_work_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        FaceDetectorConfig(**options)


class _OverviewOnly(LoadedImage):
    """A photo of which nothing but the overview may be looked at."""

    def __init__(self, photo):
        vars(self).update({name: getattr(photo, name) for name in ("name", "original_size_px", "scale")})
        vars(self)["overview"] = photo.overview

    @property
    def image_srgb(self):
        raise AssertionError("expected a look at the overview, got one at all pixels")

    @property
    def size_px(self):
        return self.original_size_px


def _loaded(image):
    return LoadedImage(image, "photo", image.shape[1::-1], 1.0)


def test_of_a_large_photo_with_a_large_face_only_the_overview_is_looked_at(detector, astronaut):
    """Defect: 84 windows of a photo of 4,000 pixels, 59 times the time of one of 512."""
    large = np.asarray(Image.fromarray(astronaut).resize((2400, 2400), Image.Resampling.BICUBIC))
    ((found,),) = detector.detect_photos([_OverviewOnly(_loaded(large))])
    (expected,) = detector(astronaut)
    assert_allclose(found.box * 512 / 2400, expected.box, atol=1.5)
    assert_allclose(found.keypoints_px * 512 / 2400, expected.keypoints_px, atol=1.5)


@pytest.fixture
def family(astronaut):
    """Faces of 280, 150, 75 and 38 pixels, from brows to chin, in a photo of 2,400."""
    canvas = np.full((1800, 2400, 3), (110, 120, 130), dtype=np.uint8)
    head = Image.fromarray(astronaut).crop((130, 20, 320, 240))
    places = [(100, 100), (1400, 900), (900, 1400), (2100, 200)]
    for (x, y), zoom in zip(places, (3.2, 1.7, 0.85, 0.43), strict=True):
        one = head.resize((round(190 * zoom), round(220 * zoom)), Image.Resampling.LANCZOS)
        canvas[y : y + one.height, x : x + one.width] = np.asarray(one)
    return canvas


def test_small_faces_ask_for_smaller_ones(detector, family):
    assert len(detector(family)) == 4


def test_a_large_face_does_not_but_the_user_may(detector, family):
    family[800:], family[:, 2000:] = 128, 128
    family[1500:1600, 300:400] = 128
    small = np.asarray(Image.fromarray(family[100:804, 100:708]).resize((81, 94)))
    family[1500:1594, 1300:1381] = small
    assert len(detector(family)) == 1
    thorough = FaceDetector(FaceDetectorConfig(threads=1, small_faces=True))
    assert len(thorough(family)) == 2
