import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from monoface.core.errors import ConfigError
from monoface.evaluation.landmarks.aflw import EvaluateAflwConfig
from monoface.evaluation.landmarks.aflw2000 import EvaluateAflw2000Config
from monoface.evaluation.landmarks.predictors import RegressorPredictor
from monoface.evaluation.reconstructed import (
    AS_RECONSTRUCT,
    ReconstructedFaces,
    ReconstructedLandmarks,
    points_in_crops,
    regression_of,
)
from monoface.geometry.crops import crop_and_resize
from monoface.photos.reading import read_image
from monoface.pipeline import CoefficientRegressor, Face, roi_of_box

SQUARE = np.array([150.0, 20, 330, 200])


@pytest.fixture(scope="module")
def image(repository):
    with Image.open(repository / "examples" / "astronaut.png") as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.fixture(scope="module")
def regressor():
    return CoefficientRegressor.load("pretrain")


@pytest.fixture(scope="module")
def once():
    return ReconstructedFaces("pretrain", as_reconstruct=False)


@pytest.fixture(scope="module")
def whole():
    return ReconstructedFaces("pretrain")


def test_the_regressor_alone_sees_the_square_once(once, regressor, image, face_model):
    found = ReconstructedLandmarks(once)([image], SQUARE[None])
    expected = RegressorPredictor(regressor, face_model)([image], SQUARE[None])
    assert_allclose(found.original_px, expected.original_px, atol=1e-3)
    assert_allclose(found.reannotated_px, expected.reannotated_px, atol=1e-3)
    assert_allclose(found.yaw_deg, expected.yaw_deg, atol=1e-3)
    assert_allclose(found.depth_px, expected.depth_px, atol=1e-2)
    assert once.looks == "the regressor alone, 1 pass"


def test_the_square_that_a_detection_stands_for_gives_the_face_of_the_whole_photo(whole, image):
    (detection,) = whole.detector(image)
    told = whole.in_square(image, roi_of_box(detection.box))
    seen = whole.largest(image)
    assert_allclose(told.landmarks68_px, seen.landmarks68_px, atol=1e-3)
    assert_allclose(told.identity, seen.identity, atol=1e-4)
    assert whole.looks == AS_RECONSTRUCT


def test_a_given_square_is_forgotten_afterwards(whole, image):
    before = whole.largest(image).landmarks68_px
    whole.in_square(image, np.array([0.0, 0, 60, 60]))
    assert_allclose(whole.largest(image).landmarks68_px, before)
    assert whole.largest(np.zeros((64, 64, 3), np.uint8)) == "no face was found"
    assert isinstance(whole.in_square(np.zeros((64, 64, 3), np.uint8), np.array([0.0, 0, 64, 64])), Face)


def test_squares_shrink_with_the_working_copy(once, image):
    stand_in = once._stand_in
    small = np.zeros((100, 200, 3), np.uint8)
    with stand_in.showing(400, SQUARE):
        ((detection,),) = stand_in.detect_photos([read_image(small)])
    assert_allclose(roi_of_box(detection.box), SQUARE / 2)


def test_points_in_crops_are_those_of_the_square_around_all(once, regressor, image, face_model):
    crops = crop_and_resize(image, SQUARE, 120)[None]
    found_px = points_in_crops(once, "aflw21")(crops)
    expected = regressor.predict(crops).landmarks_px(face_model.subset(face_model.landmarks("aflw21")))
    assert_allclose(found_px, expected, atol=1e-3)


def test_a_face_is_a_regression_too(whole, image, face_model):
    face = whole.largest(image)
    points = face_model.subset(face_model.landmarks("ibug68"))
    assert_allclose(regression_of(face).landmarks_px(points)[0], face.landmarks68_px, atol=1e-3)


def test_reconstruct_has_its_own_way_to_look(tmp_path):
    for config in (EvaluateAflwConfig, EvaluateAflw2000Config):
        with pytest.raises(ConfigError, match="expected neither passes nor mirror"):
            config(tmp_path, tmp_path / "r.json", as_reconstruct=True, mirror=True)
    with pytest.raises(ConfigError, match="expected neither recrop"):
        EvaluateAflw2000Config(tmp_path, tmp_path / "r.json", as_reconstruct=True, recrop=True)


def test_the_detector_finds_faces_for_reconstruct_unless_a_box_is_named(tmp_path):
    def box(**options):
        return EvaluateAflw2000Config(tmp_path, tmp_path / "r.json", **options).box_used

    assert box() == "roi_box"
    assert box(as_reconstruct=True) == "detector"
    assert box(as_reconstruct=True, box="roi_box") == "roi_box"
