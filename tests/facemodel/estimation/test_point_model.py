"""A face model at points, as arrays."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from synthetic_points import EXPRESSIONS, IDENTITY, POINTS, small_model

from monoface.facemodel.estimation.point_model import PointModel


@pytest.fixture
def coefficients():
    rng = np.random.default_rng(3)
    return rng.normal(size=(3, IDENTITY)), rng.uniform(size=(3, EXPRESSIONS))


def test_points_are_those_of_the_face_model(head):
    points = head.landmarks("ibug68")
    model = PointModel.of(head, points)
    rng = np.random.default_rng(0)
    identity = rng.normal(size=(2, head.identity_size))
    expression = rng.uniform(size=(2, head.expression_size))
    basis = head.subset(points)
    expected = basis(torch.from_numpy(identity).float(), torch.from_numpy(expression).float())
    assert_allclose(model.points(identity, expression), expected.numpy(), atol=1e-3)
    assert model.bounds == head.expression_bounds


def test_points_by_hand(coefficients):
    model = small_model()
    identity, expression = coefficients
    expected = (
        model.mean_mm
        + np.einsum("nk,kpc->npc", identity, model.identity_mm)
        + np.einsum("ne,epc->npc", expression, model.expression_mm)
        + np.einsum("n,nk,kpc->npc", expression[:, 1], identity, model.corrective_mm[0])
    )
    assert_allclose(model.points(identity, expression), expected, atol=1e-9)


@pytest.mark.parametrize("correctives", [True, False])
def test_modes_are_the_derivatives(coefficients, correctives):
    model = small_model(correctives=correctives)
    identity, expression = coefficients
    rng = np.random.default_rng(5)
    rotation = np.linalg.qr(rng.normal(size=(3, 3, 3)))[0]
    modes = model.turned_modes(rotation, identity, expression)
    assert modes.shape == (3, 3, POINTS, EXPRESSIONS + IDENTITY)
    both = np.concatenate((expression, identity), axis=1)
    for column in range(both.shape[1]):
        step = np.zeros_like(both)
        step[:, column] = 1e-4
        ahead, behind = (
            model.points(moved[:, EXPRESSIONS:], moved[:, :EXPRESSIONS]) @ rotation.transpose(0, 2, 1)
            for moved in (both + step, both - step)
        )
        difference = (ahead - behind) / 2e-4
        assert_allclose(modes[..., column], difference.transpose(0, 2, 1), atol=1e-6)


def test_expressions_alone_are_the_first_modes(coefficients):
    model, rotation = small_model(), np.repeat(np.eye(3)[None], 3, axis=0)
    every = model.turned_modes(rotation, *coefficients)
    alone = model.turned_modes(rotation, *coefficients, of_identity=False)
    assert_allclose(alone, every[..., :EXPRESSIONS])


def test_precision_is_that_of_the_arrays(coefficients):
    model = small_model(np.float32)
    assert model.points(*coefficients).dtype == np.float32
    modes = model.turned_modes(np.repeat(np.eye(3)[None], 3, axis=0), *coefficients)
    assert modes.dtype == np.float32
    assert_allclose(model.points(*coefficients), small_model().points(*coefficients), rtol=1e-4, atol=1e-3)
