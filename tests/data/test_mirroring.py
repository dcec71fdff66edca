"""Mirrored coefficients: they project on to the mirrored landmarks."""

import dataclasses

import torch
from synthetic_packs import labelled_samples
from torch.testing import assert_close

from monoface.data.mirroring import CoefficientMirror, mirror_order
from monoface.data.packs import FACE_PX
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.shading import mirror_radiance


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


def test_albedo_and_light_are_mirrored_with_the_face(face_model):
    rng = torch.Generator().manual_seed(1)
    faces, _ = CoefficientLayout.of(face_model).decode(
        torch.zeros(2, CoefficientLayout.of(face_model).size), FACE_PX
    )
    faces = dataclasses.replace(
        faces,
        albedo=torch.randn(2, face_model.albedo_size, generator=rng),
        light=torch.randn(2, 9, 3, generator=rng),
    )
    mirrored = CoefficientMirror(face_model)(faces, torch.tensor([True, False]))
    before, after = face_model.albedo(faces.albedo), face_model.albedo(mirrored.albedo)
    assert_close(after[0], before[0][face_model.data.mirror], rtol=1e-3, atol=1e-3)
    assert_close(after[1], before[1])
    assert_close(mirrored.light[0], mirror_radiance(faces.light)[0])
    assert_close(mirrored.light[1], faces.light[1])
