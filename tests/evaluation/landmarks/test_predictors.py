"""Our regressors as predictors, with a small face model and a network of random weights."""

import numpy as np
import pytest
import torch
from crop_points import crop_to_photo
from numpy.testing import assert_allclose

from monoface.core.errors import ModelFileError
from monoface.evaluation.landmarks.aflw import crop_predictor
from monoface.evaluation.landmarks.predictors import RegressorPredictor, looks_text
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.geometry.crops import crop_and_resize, photo_to_crop

BOX = np.array([30.0, 40, 150, 160])


def photo(seed=0):
    """Smooth colours, 200 x 230."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(0, 255, (13, 15, 3))
    return np.kron(coarse, np.ones((16, 16, 1)))[:200, :230].astype(np.uint8)


def test_landmarks_come_out_in_the_photo(toy_regressor, toy_model):
    found = RegressorPredictor(toy_regressor, toy_model)([photo()], BOX[None])
    regression = toy_regressor.predict(torch.from_numpy(crop_and_resize(photo(), BOX, 120))[None])
    for points_px, name in [(found.original_px, "ibug68"), (found.reannotated_px, "ibug68_reannotated")]:
        in_crop = regression.landmarks_px(toy_model.subset(toy_model.landmarks(name)))
        assert_allclose(points_px, crop_to_photo(in_crop, BOX[None], 120), rtol=1e-4)
    assert not np.allclose(found.original_px, found.reannotated_px)
    assert abs(found.yaw_deg[0]) < 90


def test_landmarks_move_with_the_photo(toy_regressor, toy_model):
    predict = RegressorPredictor(toy_regressor, toy_model)
    image, shift = photo(), np.array([17, -11])
    moved = np.zeros_like(image)
    moved[: 200 - 11, 17:] = image[11:, : 230 - 17]
    first = predict([image], BOX[None])
    second = predict([moved], BOX[None] + np.tile(shift, 2))
    assert_allclose(second.original_px, first.original_px + shift, atol=1e-3)
    assert_allclose(second.yaw_deg, first.yaw_deg, atol=1e-3)


def test_faces_of_a_batch_do_not_influence_each_other(toy_regressor, toy_model):
    predict = RegressorPredictor(toy_regressor, toy_model, passes=2)
    images = [photo(seed) for seed in range(3)]
    boxes = BOX + np.array([[0, 0, 0, 0], [5, 9, 5, 9], [-20, 3, 30, 53]])
    together = predict(images, boxes)
    for row in range(3):
        alone = predict(images[row : row + 1], boxes[row : row + 1])
        assert_allclose(together.original_px[row], alone.original_px[0], atol=2e-3)


def test_a_second_pass_sees_another_crop(toy_regressor, toy_model):
    once = RegressorPredictor(toy_regressor, toy_model)([photo()], BOX[None])
    twice = RegressorPredictor(toy_regressor, toy_model, passes=2)([photo()], BOX[None])
    assert not np.allclose(once.original_px, twice.original_px, atol=0.5)


def test_a_second_look_at_the_same_crop_differs_only_by_the_map(toy_mapped, toy_model):
    once = RegressorPredictor(toy_mapped, toy_model)([photo()], BOX[None])
    again = RegressorPredictor(toy_mapped, toy_model, passes=2, recrop=False)([photo()], BOX[None])
    crop = torch.from_numpy(crop_and_resize(photo(), BOX, 120))[None]
    found = toy_mapped.predict(crop)
    flm18 = toy_model.subset(toy_model.landmarks("flm18"))
    second = toy_mapped.predict(crop, found.landmarks_px(flm18))
    ibug68 = toy_model.subset(toy_model.landmarks("ibug68"))
    for result, expected in ((once, found), (again, second)):
        expected_px = crop_to_photo(expected.landmarks_px(ibug68), BOX[None], 120)
        assert_allclose(result.original_px, expected_px, rtol=1e-4)
    assert not np.allclose(once.original_px, again.original_px, atol=0.1)


def test_detected_landmarks_are_the_map_of_the_first_look(toy_mapped, toy_model):
    points = np.random.default_rng(1).uniform(50, 140, (1, 18, 2))
    predict = RegressorPredictor(toy_mapped, toy_model, detect=lambda images, boxes: points)
    crop = torch.from_numpy(crop_and_resize(photo(), BOX, 120))[None]
    expected = toy_mapped.predict(crop, photo_to_crop(points, BOX[None], 120))
    ibug68 = toy_model.subset(toy_model.landmarks("ibug68"))
    expected_px = crop_to_photo(expected.landmarks_px(ibug68), BOX[None], 120)
    assert_allclose(predict([photo()], BOX[None]).original_px, expected_px, rtol=1e-4)


def test_points_of_aflw_after_a_second_look(toy_mapped, toy_model):
    crops = crop_and_resize(photo(), BOX, 120)[None]
    once, again = (crop_predictor(toy_mapped, toy_model, passes)(crops) for passes in (1, 2))
    assert not np.allclose(once, again, atol=0.1)
    flm18, aflw21 = (toy_model.subset(toy_model.landmarks(name)) for name in ("flm18", "aflw21"))
    found = toy_mapped.predict(torch.from_numpy(crops))
    second = toy_mapped.predict(torch.from_numpy(crops), found.landmarks_px(flm18))
    assert_allclose(again, second.landmarks_px(aflw21), rtol=1e-5)


def test_the_last_pass_looks_at_the_mirror_image(toy_mapped, toy_model):
    predict = RegressorPredictor(toy_mapped, toy_model, passes=2, recrop=False, mirror=True)
    crop = torch.from_numpy(crop_and_resize(photo(), BOX, 120))[None]
    flm18, ibug68 = (toy_model.subset(toy_model.landmarks(name)) for name in ("flm18", "ibug68"))
    found_px = toy_mapped.predict(crop).landmarks_px(flm18)
    expected = toy_mapped.predict(crop, found_px, mirror=CoefficientMirror(toy_model))
    expected_px = crop_to_photo(expected.landmarks_px(ibug68), BOX[None], 120)
    assert_allclose(predict([photo()], BOX[None]).original_px, expected_px, rtol=1e-4)
    aflw21 = toy_model.subset(toy_model.landmarks("aflw21"))
    of_crop = crop_predictor(toy_mapped, toy_model, 2, mirror=True)(crop.numpy())
    assert_allclose(of_crop, expected.landmarks_px(aflw21), rtol=1e-4)


@pytest.mark.parametrize(
    ("passes", "mirror", "text"),
    [
        (1, False, "1 pass"),
        (2, False, "2 passes"),
        (2, True, "2 passes, the last one with the mirror image"),
    ],
)
def test_reports_say_how_it_looked(passes, mirror, text):
    assert looks_text(passes, mirror=mirror) == text


def test_a_face_model_without_the_sets_is_refused(toy_regressor, make_toy_model):
    with pytest.raises(ModelFileError, match="landmark set ibug68_reannotated"):
        RegressorPredictor(toy_regressor, make_toy_model("ibug68"))


def test_points_of_aflw_stay_in_the_crop(toy_regressor, toy_model):
    crops = np.stack([crop_and_resize(photo(seed), BOX, 120) for seed in range(2)])
    points_px = crop_predictor(toy_regressor, toy_model)(crops)
    expected = toy_regressor.predict(torch.from_numpy(crops)).landmarks_px(
        toy_model.subset(toy_model.landmarks("aflw21"))
    )
    assert_allclose(points_px, expected, rtol=1e-6)
