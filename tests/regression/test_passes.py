"""Several looks at a face: equal to the loops that were written out wherever someone looked."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from synthetic_head import synthetic_head
from torch.testing import assert_close
from torch_results import TorchResults, regress_crops, regress_photos

from monoface.core.errors import ConfigError
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.facemodel.landmarks import FLM18
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.geometry.crops import crop_and_resize, photo_to_crop
from monoface.geometry.roi import next_roi, roi_from_points
from monoface.networks import LandmarkMapConfig, Regressor, RegressorConfig, ResNetConfig
from monoface.regression import CropPredictor, Passes

SIZE = 32
# Convolutions differ in their last bits from call to call, with where tensors lie in memory.
PLACE_PX = 1e-2
BOXES = np.array([[10.0, 5.0, 70.0, 65.0], [-8.0, 20.0, 40.0, 68.0]])


@pytest.fixture(scope="module")
def head():
    return synthetic_head()


@pytest.fixture(scope="module")
def layout(head):
    return CoefficientLayout.of(head)


@pytest.fixture(scope="module")
def network(layout):
    """Sees landmarks; its outputs depend on the picture and on the map, but are near the mean face."""
    torch.manual_seed(5)
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125, in_channels=4)
    network = Regressor(RegressorConfig(layout.size, SIZE, backbone, LandmarkMapConfig())).eval()
    torch.nn.init.normal_(network.head.weight, std=0.02)
    torch.nn.init.normal_(network.error_head.weight, std=0.1)
    return network


@pytest.fixture(scope="module")
def predictor(network, layout):
    return CropPredictor.of_network(network, layout)


@pytest.fixture(scope="module")
def photos():
    rng = np.random.default_rng(2)
    return [rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((80, 96, 3), (70, 60, 3))]


@pytest.fixture(scope="module")
def crops(photos):
    return cut(photos, BOXES)


def cut(photos, boxes):
    return np.stack([crop_and_resize(photo, box, SIZE) for photo, box in zip(photos, boxes, strict=True)])


def as_image(crops):
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255


def points_of(head, name):
    return head.subset(head.landmarks(name))


@torch.no_grad()
def test_looks_at_the_same_crops_are_those_of_validation(network, predictor, layout, head, crops):
    """The loop of `validation_errors`, `make_samples` and the labels' second look."""
    mapped = points_of(head, FLM18)
    output, log_error = network.look(as_image(crops))
    for _ in range(2):
        found_px = project_points(mapped, *layout.decode(output, SIZE))
        output, log_error = network.look(as_image(crops), found_px)
    found = regress_crops(predictor, crops, Passes(3, mapped=mapped))
    coefficients, camera = layout.decode(output, SIZE)
    landmarks = points_of(head, "ibug68")
    assert_close(
        found.landmarks_px(landmarks), project_points(landmarks, coefficients, camera), rtol=0, atol=PLACE_PX
    )
    assert_close(found.coefficients.identity, coefficients.identity, rtol=0, atol=1e-4)
    assert_close(found.log_error, log_error, rtol=0, atol=1e-4)
    once = regress_crops(predictor, crops, Passes())
    assert float((once.coefficients.identity - found.coefficients.identity).abs().max()) > 1e-4


def test_looks_at_photos_are_those_of_the_reconstructor(predictor, head, photos):
    """The loop of `Reconstructor` and of the benchmarks' predictor, mirror image in the last look."""
    landmarks, mapped, mirror = points_of(head, "ibug68"), points_of(head, FLM18), CoefficientMirror(head)
    boxes, mapped_px = BOXES, None
    for number in range(3):
        last = number == 2
        expected = TorchResults(predictor).predict(
            cut(photos, boxes), mapped_px, mirror=mirror if last else None
        )
        expected = expected.in_photo(boxes, SIZE)
        if not last:
            points_px = expected.landmarks_px(landmarks).numpy()
            boxes = np.stack([next_roi(*pair) for pair in zip(points_px, BOXES, strict=True)])
            mapped_px = photo_to_crop(expected.landmarks_px(mapped).numpy(), boxes, SIZE)
    assert np.abs(boxes - BOXES).max() > 0.5
    passes = Passes(3, landmarks=landmarks, mapped=mapped, mirror=mirror)
    found = regress_photos(predictor, photos, BOXES, passes)
    assert_close(found.landmarks_px(landmarks), expected.landmarks_px(landmarks), rtol=0, atol=PLACE_PX)
    assert_close(found.confidence, expected.confidence, rtol=0, atol=1e-4)


@torch.no_grad()
def test_mirror_images_in_each_look_are_those_of_the_second_round(network, predictor, layout, head, crops):
    """The mean over both images, whose maps show the mean face of the look before, mirrored or not."""
    mapped, mirror = points_of(head, FLM18), CoefficientMirror(head)

    def mirrored(output):
        faces, camera = layout.decode(output, SIZE)
        return layout.encode(mirror(faces, torch.ones(len(output), dtype=torch.bool)), camera, SIZE)

    def both_ways(shown):
        outputs = []
        for turned in (False, True):
            image = as_image(crops).flip(-1) if turned else as_image(crops)
            points_px = None
            if shown is not None:
                points_px = project_points(mapped, *layout.decode(mirrored(shown) if turned else shown, SIZE))
            output, _ = network.look(image, points_px)
            outputs.append(mirrored(output) if turned else layout.encode(*layout.decode(output, SIZE), SIZE))
        mean = (outputs[0] + outputs[1]) / 2
        return layout.encode(*layout.decode(mean, SIZE), SIZE)

    expected = both_ways(both_ways(None))
    found = regress_crops(predictor, crops, Passes(2, mapped=mapped, mirror=mirror, mirror_each=True))
    assert_close(layout.encode(found.coefficients, found.camera, SIZE), expected, rtol=1e-3, atol=2e-3)


@torch.no_grad()
def test_crops_that_follow_the_landmarks_are_those_of_the_labelled_heads(
    network, predictor, layout, head, photos
):
    landmarks, boxes = points_of(head, "ibug68"), BOXES
    for _ in range(3):
        output, _ = network.look(as_image(cut(photos, boxes)))
        found = roi_from_points(project_points(landmarks, *layout.decode(output, SIZE))).double().numpy()
        boxes = np.tile(boxes[:, :2], 2) + (boxes[:, 2:3] - boxes[:, :1]) / SIZE * found
    found = regress_photos(predictor, photos, BOXES, Passes(3, landmarks=landmarks, follow=True))
    assert_allclose(roi_from_points(found.landmarks_px(landmarks)).numpy(), boxes, rtol=1e-3, atol=1e-2)


def test_numbers_and_bytes_are_the_same_crops(predictor, crops):
    whole = regress_crops(predictor, crops, Passes())
    parts = regress_crops(predictor, crops.astype(np.float32) / 255, Passes())
    assert_close(whole.log_error, parts.log_error, rtol=0, atol=1e-4)


def test_a_network_that_diverged_is_no_error_while_it_trains(network, layout, head, crops):
    broken = Regressor(network.config).eval()
    torch.nn.init.constant_(broken.head.bias, torch.nan)
    passes = Passes(2, mapped=points_of(head, FLM18))
    found = regress_crops(CropPredictor.of_network(broken, layout), crops, passes)
    assert found.landmarks_px(points_of(head, "ibug68")).isnan().all()


def test_what_cannot_be_done_is_refused(predictor, head, crops):
    with pytest.raises(ConfigError, match="passes: expected at least 1, got 0"):
        Passes(0)
    with pytest.raises(ConfigError, match="no landmarks to crop around"):
        regress_crops(predictor, crops, Passes(2, landmarks=points_of(head, "ibug68")))
    with pytest.raises(ValueError, match=r"expected shape \(batch, 32, 32, 3\), got \(2, 16, 16, 3\)"):
        predictor.predict(crops[:, ::2, ::2])
