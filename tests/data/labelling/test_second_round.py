"""The second round: predictions that are mirrored, corrected, and believed where points bear them out."""

import dataclasses

import numpy as np
import pytest
import torch
from synthetic_packs import labelled_samples
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.data.labelling.second_round import SecondRound, SecondRoundConfig
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.data.profiling.photo_turner import TurnConfig, turned_again
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.networks import (
    Regressor,
    RegressorConfig,
    RegressorInfo,
    ResNetConfig,
    load_regressor,
    save_regressor,
)


class ToldRegressor(Regressor):
    """Sees nothing but the left half of a picture's mean, and puts out a mean face turned accordingly."""

    def forward(self, image):
        half = image.shape[-1] // 2
        brighter = image[..., :half].mean(dim=(1, 2, 3)) - image[..., half:].mean(dim=(1, 2, 3))
        output = torch.zeros(len(image), self.config.outputs)
        # The last two numbers of a layout are the shift: to the brighter side.
        output[:, -2] = -brighter
        return output, torch.zeros(len(image))


@pytest.fixture
def weights(head, tmp_path):
    layout = CoefficientLayout.of(head)
    network = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
    regressor = Regressor(RegressorConfig(layout.size, 32, network))
    info = RegressorInfo("pretrain", head.coefficient_space, layout.identity, layout.expression)
    path = tmp_path / "first.safetensors"
    save_regressor(regressor, info, path)
    return path


@pytest.fixture
def near_neutral(head):
    """Samples whose truth is near the mean face that an untrained network puts out."""
    pack = labelled_samples()
    layout = CoefficientLayout.of(head)
    outputs = 0.1 * torch.from_numpy(pack.outputs)
    coefficients, camera = layout.decode(outputs, FACE_PX)
    margin = (CANVAS_PX - FACE_PX) / 2
    points = {
        name: (project_points(head.subset(head.landmarks(name)), coefficients, camera) + margin).numpy()
        for name in ("aflw21", "facemesh468")
    }
    return Pack("near", pack.canvases, points, outputs.numpy())


def landmark_error_px(head, pack, outputs):
    """Mean distance of the 21 points from those of the pack."""
    coefficients, camera = CoefficientLayout.of(head).decode(torch.from_numpy(outputs), FACE_PX)
    found = project_points(head.subset(head.landmarks("aflw21")), coefficients, camera).numpy()
    return np.linalg.norm(found + (CANVAS_PX - FACE_PX) / 2 - pack.points_px["aflw21"], axis=-1).mean()


def test_labels_come_closer_to_the_annotated_points(head, weights, near_neutral):
    relabelled = SecondRound(head, SecondRoundConfig(weights)).relabel(near_neutral)
    guess = np.zeros_like(near_neutral.outputs)
    before = landmark_error_px(head, near_neutral, guess)
    after = landmark_error_px(head, near_neutral, relabelled.pack.outputs)
    assert np.isfinite(relabelled.pack.outputs).all()
    assert after < 0.6 * before


def test_points_far_from_the_prediction_leave_a_photo_without_coefficients(head, weights, near_neutral):
    moved = {name: points + np.float32(40) for name, points in near_neutral.points_px.items()}
    far = dataclasses.replace(near_neutral, points_px=moved)
    relabelled = SecondRound(head, SecondRoundConfig(weights)).relabel(far)
    assert np.isnan(relabelled.pack.outputs).all()
    assert np.isnan(relabelled.aside_deg).all()
    assert not relabelled.turnable.any()


def test_photos_without_points_stay_without_coefficients(head, weights, near_neutral):
    points = {name: values.copy() for name, values in near_neutral.points_px.items()}
    points["facemesh468"][0], points["aflw21"][0] = np.nan, np.nan
    bare = dataclasses.replace(near_neutral, points_px=points)
    relabelled = SecondRound(head, SecondRoundConfig(weights)).relabel(bare)
    assert np.isfinite(relabelled.pack.outputs).all(axis=1).tolist() == [False, True, True, True, True]


def test_teachers_are_believed_on_near_frontal_faces_only(head, weights, near_neutral):
    # An untrained network's mean face looks straight ahead to within rounding; make it look aside.
    regressor, info = load_regressor(weights)
    regressor.head.bias.data[-9:-3] = torch.tensor([-0.1, 0.0, 0.43, 0.0, 0.0, 0.0])
    save_regressor(regressor, info, weights)
    relabelled = SecondRound(head, SecondRoundConfig(weights, teacher_yaw_deg=0.0)).relabel(near_neutral)
    assert np.isnan(relabelled.pack.points_px["facemesh468"]).all()
    assert not relabelled.turnable.any()


def test_pictures_and_mirror_images_count_alike(head, weights, near_neutral, monkeypatch):
    regressor, info = load_regressor(weights)
    told = ToldRegressor(regressor.config).eval()
    monkeypatch.setattr("monoface.data.labelling.second_round.load_regressor", lambda path: (told, info))
    network = SecondRound(head, SecondRoundConfig(weights))
    left = np.full((1, CANVAS_PX, CANVAS_PX, 3), 40, np.uint8)
    left[:, :, : CANVAS_PX // 2] = 200
    pack = dataclasses.replace(
        near_neutral,
        canvases=left,
        points_px={name: points[:1] for name, points in near_neutral.points_px.items()},
        outputs=near_neutral.outputs[:1],
    )
    predicted = network.predict(pack)
    expected = torch.zeros_like(predicted)
    # In the mirror image the bright half is on the right, and the shift mirrored back is the same.
    expected[:, -2] = -(200 - 40) / 255
    assert_close(predicted, expected, rtol=0, atol=1e-3)


def test_trusted_photos_are_turned_again(head, weights, near_neutral):
    relabelled = SecondRound(head, SecondRoundConfig(weights)).relabel(near_neutral)
    relabelled = dataclasses.replace(relabelled, turnable=np.array([True, False, False, True, False]))
    turned = turned_again(relabelled, head, TurnConfig(views=3), seed=0)
    assert turned.name == "near_turned"
    assert turned.canvases.shape == (6, CANVAS_PX, CANVAS_PX, 3)
    assert np.isfinite(turned.outputs).all()


def test_a_second_round_needs_weights_of_the_models_space(head, weights, tmp_path):
    with pytest.raises(ConfigError, match="expected the weights of a trained regressor, got none"):
        SecondRound(head, SecondRoundConfig())
    layout = CoefficientLayout.of(head)
    regressor = Regressor(RegressorConfig(layout.size, 32, ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)))
    other = tmp_path / "other.safetensors"
    save_regressor(
        regressor, RegressorInfo("pretrain", "elsewhere", layout.identity, layout.expression), other
    )
    with pytest.raises(ConfigError, match="got elsewhere"):
        SecondRound(head, SecondRoundConfig(other))
