"""Mirrored coefficients: they project on to the mirrored landmarks."""

import torch
from synthetic_packs import labelled_samples
from torch.testing import assert_close

from monoface.data.mirroring import CoefficientMirror, mirror_order
from monoface.data.packs import FACE_PX
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points


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
