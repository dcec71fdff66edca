"""Turned heads: found in an upright picture as they would be in a photo that is upright."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head
from torch.testing import assert_close
from torch_results import regress_photos, regress_turned

from monoface.detection.crops import SquareCrop
from monoface.facemodel import CoefficientLayout
from monoface.geometry.cameras import PerspectiveCamera
from monoface.networks import Regressor, RegressorConfig, ResNetConfig
from monoface.regression import CropPredictor, Passes, TurnedFace
from monoface.shading import sh_irradiance

SIZE = 32
SIDE = 64


@pytest.fixture(scope="module")
def head():
    return synthetic_head()


@pytest.fixture(scope="module")
def landmarks(head):
    return head.subset(head.landmarks("ibug68"))


@pytest.fixture(scope="module")
def predictor(head):
    torch.manual_seed(5)
    layout = dataclasses.replace(CoefficientLayout.of(head), light=True)
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
    network = Regressor(RegressorConfig(layout.size, SIZE, backbone)).eval()
    torch.nn.init.normal_(network.head.weight, std=0.02)
    torch.nn.init.normal_(network.error_head.weight, std=0.1)
    return CropPredictor.of_network(network, layout)


@pytest.fixture(scope="module")
def photo():
    """Smooth, so that resampling it twice changes little."""
    rows, columns = np.mgrid[:120, :120] / 120
    waves = [np.sin(7 * rows + 3 * columns), np.cos(9 * columns - 2 * rows), np.sin(12 * rows * columns)]
    return (127 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)


def level(centre=(60.0, 60.0)):
    return SquareCrop(centre, SIDE)


@torch.no_grad()
def test_a_level_crop_is_looked_at_in_the_photo_itself(predictor, photo, landmarks):
    box = np.array([[28.0, 28.0, 92.0, 92.0]])
    expected = regress_photos(predictor, [photo], box, Passes())
    found = regress_turned(predictor, [TurnedFace(photo, [level()])], Passes())
    assert torch.equal(found.landmarks_px(landmarks), expected.landmarks_px(landmarks))


@pytest.mark.parametrize("quarters", [1, 2, 3])
@torch.no_grad()
def test_a_turned_photo_gives_the_turned_face(predictor, photo, landmarks, quarters):
    """Turned clockwise as seen, the pixel (x, y) of 120 goes to (120 - y, x)."""
    upright = regress_turned(predictor, [TurnedFace(photo, [level()])], Passes(2, landmarks=landmarks))
    turned = np.ascontiguousarray(np.rot90(photo, -quarters))
    crop = SquareCrop((60.0, 60.0), SIDE, quarters * math.pi / 2)
    found = regress_turned(predictor, [TurnedFace(turned, [crop])], Passes(2, landmarks=landmarks))
    expected_px = upright.landmarks_px(landmarks)
    for _ in range(quarters):
        expected_px = torch.stack((120 - expected_px[..., 1], expected_px[..., 0]), dim=-1)
    assert_close(found.landmarks_px(landmarks), expected_px, rtol=0, atol=0.6)
    assert_close(found.coefficients.identity, upright.coefficients.identity, rtol=0, atol=0.02)


@torch.no_grad()
def test_light_and_camera_turn_with_the_face(predictor, photo, landmarks):
    found = regress_turned(predictor, [TurnedFace(photo, [level()])], Passes())
    found = dataclasses.replace(
        found, camera=PerspectiveCamera(torch.tensor([300.0]), torch.tensor([[50.0, 70.0]]))
    )
    roll_rad, centre_px = torch.tensor([0.7]), torch.tensor([[10.0, 20.0]])
    turned = found.turned(roll_rad, centre_px)
    turn = torch.tensor([[math.cos(0.7), -math.sin(0.7)], [math.sin(0.7), math.cos(0.7)]])
    expected_px = (found.landmarks_px(landmarks) - centre_px) @ turn.T + centre_px
    assert_close(turned.landmarks_px(landmarks), expected_px, rtol=0, atol=1e-3)
    normals = torch.nn.functional.normalize(torch.randn(1, 20, 3), dim=-1)
    turned_normals = torch.cat((normals[..., :2] @ turn.T, normals[..., 2:]), dim=-1)
    lit = sh_irradiance(normals, found.coefficients.light)
    assert_close(sh_irradiance(turned_normals, turned.coefficients.light), lit, rtol=0, atol=1e-4)


@torch.no_grad()
def test_of_several_crops_the_one_of_least_expected_error_counts(predictor, photo):
    crops = [SquareCrop((60.0, 60.0), SIDE, roll_rad) for roll_rad in (0.0, 1.6, 3.1)]
    alone = [regress_turned(predictor, [TurnedFace(photo, [crop])], Passes()) for crop in crops]
    faces = [TurnedFace(photo, [crops[0]]), TurnedFace(photo, crops), TurnedFace(photo, [crops[2]])]
    found = regress_turned(predictor, faces, Passes())
    best = min(alone, key=lambda one: float(one.log_error))
    for row, expected in enumerate((alone[0], best, alone[2])):
        assert_close(found.log_error[row], expected.log_error[0], rtol=0, atol=1e-4)
        assert_close(found.coefficients.rotation[row], expected.coefficients.rotation[0], rtol=0, atol=1e-3)


@torch.no_grad()
def test_what_is_upside_down_is_looked_at_where_the_check_says(predictor, photo, landmarks):
    passes = Passes(2, landmarks=landmarks)
    crop = SquareCrop((60.0, 60.0), SIDE, 2.0)
    other = SquareCrop((55.0, 62.0), SIDE - 4, 2.0 + math.pi)
    faces = [TurnedFace(photo, [crop]), TurnedFace(photo, [crop]), TurnedFace(photo, [level()])]
    faces.append(TurnedFace(photo, [level()], score=0.85))
    asked = []

    def rights(seen):
        asked.extend(square.roll_rad for _, square in seen)
        return [None, other, None]

    found = regress_turned(predictor, faces, passes, rights)
    plain = regress_turned(predictor, faces, passes)
    expected = regress_turned(predictor, [TurnedFace(photo, [other])], passes)
    assert len(asked) == 3, "heads that are level and sure need not be asked after"
    for row, one in enumerate((plain[:1], expected, plain[2:3], plain[3:])):
        assert_close(found.landmarks_px(landmarks)[row], one.landmarks_px(landmarks)[0], rtol=0, atol=1e-2)
    assert not torch.allclose(found.landmarks_px(landmarks)[1], plain.landmarks_px(landmarks)[1], atol=5)
