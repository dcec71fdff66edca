"""The 18 points as the face-mesh network sees them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monoface.detection import FaceDetector
from monoface.evaluation.landmarks.detected_landmarks import FaceMeshLandmarks
from monoface.pipeline import roi_of_box


@pytest.fixture(scope="module")
def detect():
    return FaceMeshLandmarks()


@pytest.fixture(scope="module")
def face():
    """The sample photo and the square of its face."""
    path = Path(__file__).parents[3] / "examples" / "astronaut.png"
    with Image.open(path) as image:
        photo = np.asarray(image.convert("RGB"))
    return photo, roi_of_box(FaceDetector()(photo)[0].box)


def test_points_lie_where_their_names_say(detect, face):
    photo, box = face
    points = detect([photo], box[None])[0]
    assert ((points > box[:2]) & (points < box[2:])).all()
    x, y = points.T
    # Brows, eyes and mouth from image left to image right; brows above eyes above nose above mouth.
    for row in (slice(0, 6), slice(6, 12), slice(12, 15), slice(15, 18)):
        assert (np.diff(x[row]) > 0).all()
    assert y[:6].max() < y[6:12].min() < y[6:12].max() < y[12:15].min() < y[12:15].max() < y[15:].min()


def test_points_follow_the_photo(detect, face):
    photo, box = face
    here, shifted = np.pad(photo, ((0, 30), (0, 50), (0, 0))), np.pad(photo, ((30, 0), (50, 0), (0, 0)))
    both = detect([here, shifted], np.stack((box, box + np.array((50, 30, 50, 30)))))
    assert np.abs(both[1] - both[0] - (50, 30)).max() < 0.5


def test_nothing_is_found_where_there_is_no_face(detect, face):
    noise = np.random.default_rng(0).integers(0, 256, face[0].shape, dtype=np.uint8)
    found = detect([noise, face[0]], np.stack((np.array([20.0, 20, 180, 180]), face[1])))
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()
