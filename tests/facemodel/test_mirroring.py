"""Mirrored coefficients: they project on to the mirrored landmarks."""

import math
from dataclasses import replace

import torch
from synthetic_packs import labelled_samples
from torch.testing import assert_close

from monoface.data.packs.photo_pack import FACE_PX
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.facemodel.mirroring import CoefficientMirror, mirror_order
from monoface.shading import sh_irradiance


def landmarks(head, coefficients, camera):
    return project_points(head.subset(head.landmarks("aflw21")), coefficients, camera)


def test_chosen_rows_project_on_to_mirrored_landmarks(head):
    outputs = torch.from_numpy(labelled_samples().outputs)
    coefficients, camera = CoefficientLayout.of(head).decode(outputs, FACE_PX)
    where = torch.tensor([True, False, True, True, False])
    before = landmarks(head, coefficients, camera)
    after = landmarks(head, CoefficientMirror(head)(coefficients, where), camera)
    expected = before[:, mirror_order(head, "aflw21")] * torch.tensor([-1.0, 1.0])
    expected = expected + torch.tensor([float(FACE_PX), 0.0])
    assert_close(after[~where], before[~where])
    assert_close(after[where], expected[where], rtol=0, atol=0.02)


def test_twice_is_nothing(head):
    outputs = torch.from_numpy(labelled_samples().outputs)
    coefficients, _ = CoefficientLayout.of(head).decode(outputs, FACE_PX)
    mirror, everywhere = CoefficientMirror(head), torch.ones(5, dtype=torch.bool)
    twice = mirror(mirror(coefficients, everywhere), everywhere)
    assert_close(twice.identity, coefficients.identity, rtol=0, atol=1e-4)
    assert_close(twice.expression, coefficients.expression)
    assert_close(twice.rotation, coefficients.rotation)
    assert_close(twice.translation_mm, coefficients.translation_mm)


def test_albedo_and_light_are_those_that_a_mirror_shows(face_model, rng):
    """On the shipped model, whose albedo modes are not all symmetric."""
    outputs = torch.zeros(2, CoefficientLayout.of(face_model).size)
    coefficients, _ = CoefficientLayout.of(face_model).decode(outputs, FACE_PX)
    albedo = 0.5 * torch.randn(2, face_model.albedo_size, generator=rng)
    light = torch.randn(2, 9, 3, generator=rng)
    given = replace(coefficients, albedo=albedo, light=light)
    where = torch.tensor([True, False])
    mirrored = CoefficientMirror(face_model)(given, where)
    assert_close(mirrored.albedo[1], albedo[1])
    assert_close(mirrored.light[1], light[1])

    normals = torch.nn.functional.normalize(torch.randn(1, 50, 3, generator=rng), dim=-1)
    flipped = normals * torch.tensor([-1.0, 1.0, 1.0])
    assert_close(sh_irradiance(normals, mirrored.light[:1]), sh_irradiance(flipped, light[:1]))
    colours = face_model.albedo(mirrored.albedo[:1])[0]
    expected = face_model.albedo(albedo[:1])[0][face_model.data.mirror]
    spread = (expected - face_model.albedo_mean).square().mean().sqrt()
    assert (colours - expected).square().mean().sqrt() < 0.05 * spread
    assert math.isclose(float(spread), 0.1, abs_tol=0.09)
