"""Errors of albedo by skin tone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from monoface.data.synthetic.heads import HeadsConfig
from monoface.evaluation.synthetic.heads_truth import HeadPainter
from monoface.evaluation.synthetic.skin_tones import (
    AlbedoError,
    albedo_error,
    measure_skin_tones,
    skin_tone,
    summarise_tones,
)
from monoface.facemodel import CoefficientLayout
from monoface.pipeline import Regression

CONFIG = HeadsConfig(count=1, max_yaw_deg=30, seed=2)


class Finds:
    """A regressor that knows a head, and of its albedo what a test wants."""

    size_px = 120

    def __init__(self, model, head, albedo):
        layout = CoefficientLayout.of(model)
        zoom = 120 / float(head.box[2] - head.box[0])
        camera = head.camera.cropped(torch.from_numpy(head.box[None, :2]).float(), torch.tensor([zoom]))
        coefficients, camera = layout.decode(
            layout.encode(head.coefficients, camera, 120)[:, : layout.size], 120
        )
        told = replace(coefficients, albedo=albedo)
        self.answer = Regression(told, camera, torch.zeros(1), torch.ones(1))

    def predict(self, crops):
        assert crops.shape == (1, 120, 120, 3)
        return self.answer


@pytest.fixture(scope="module")
def head(face_model):
    return HeadPainter(face_model).sample(0, CONFIG)


def test_the_true_albedo_has_no_error(face_model, head):
    (found,) = measure_skin_tones(Finds(face_model, head, head.coefficients.albedo), face_model, CONFIG)
    assert_allclose((found.linear, found.delta_e, found.lightness), 0, atol=1e-4)


def test_the_mean_albedo_has_one(face_model, head):
    mean = torch.zeros_like(head.coefficients.albedo)
    (found,) = measure_skin_tones(Finds(face_model, head, mean), face_model, CONFIG)
    assert found.linear > 0.005
    assert found.delta_e >= abs(found.lightness) > 0


def test_without_a_predicted_albedo_one_is_fitted(face_model, head):
    nothing = head.coefficients.albedo[:, :0]
    (found,) = measure_skin_tones(Finds(face_model, head, nothing), face_model, CONFIG)
    assert 0 < found.delta_e < 40


def test_only_skin_counts_and_too_light_is_above_0():
    true = np.full((4, 3), 0.2)
    predicted = true + np.array([0.1, 0.1, 0.7, 0.7])[:, None]
    found = albedo_error(predicted, true, np.array([True, True, False, False]))
    assert_allclose(found.linear, 0.1)
    assert_allclose(found.lightness, found.delta_e)
    assert found.lightness > 0


def test_groups_go_from_dark_to_light():
    tint = np.array([1.35, 1.0, 0.75])
    tones = [skin_tone(value * tint) for value in (0.03, 0.15, 0.22, 0.3, 0.4, 0.7)]
    order = ["dark", "brown", "tan", "intermediate", "light", "very light"]
    assert [order.index(tone) for tone in tones] == sorted(order.index(tone) for tone in tones)
    assert (tones[0], tones[-1]) == ("dark", "very light")


def test_groups_without_heads_are_left_out():
    errors = [
        AlbedoError("dark", 0.1, 5.0, 4.0),
        AlbedoError("dark", 0.3, 9.0, 6.0),
        AlbedoError("tan", 0, 0, 0),
    ]
    dark, tan, everyone = summarise_tones(errors)
    assert (dark.tone, dark.count, tan.tone, everyone.tone, everyone.count) == ("dark", 2, "tan", "all", 3)
    assert_allclose((dark.linear.mean, dark.lightness.mean, everyone.delta_e.mean), (0.2, 5.0, 14 / 3))
    assert dark.delta_e.interval.low >= 5
