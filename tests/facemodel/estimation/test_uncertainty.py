"""Standard deviations of vertices."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.refinement import RefinedFaces
from monoface.facemodel.estimation.uncertainty import ShapeUncertainty, VertexUncertainty
from monoface.geometry.rotations import matrix_from_axis_angle


@pytest.fixture(scope="module")
def mesh():
    from synthetic_head import synthetic_head

    return VertexUncertainty(synthetic_head())


@pytest.fixture(scope="module")
def covariance():
    from synthetic_head import synthetic_head

    size = synthetic_head().expression_size + synthetic_head().identity_size
    root = np.random.default_rng(0).normal(size=(size, size)) / np.sqrt(size)
    return (root @ root.T).astype(np.float32)


def test_deviations_are_those_of_drawn_faces(head, mesh, covariance):
    """Coefficients drawn from the covariance; rigid motion of the narrow face taken out of each by itself."""
    rng = np.random.default_rng(1)
    drawn = rng.multivariate_normal(np.zeros(len(covariance)), covariance.astype(np.float64), 4000) * 1e-3
    modes = torch.cat((head.expression_basis_mm, head.identity_basis_mm)).double().numpy()
    verts = head.mean_mm.double().numpy()
    inside = head.data.regions["narrow_face"].numpy()
    moved = verts + np.tensordot(drawn, modes, axes=1)
    source = moved[:, inside] - moved[:, inside].mean(axis=1, keepdims=True)
    target = verts[inside] - verts[inside].mean(axis=0)
    left, _, right = np.linalg.svd(source.transpose(0, 2, 1) @ target)
    sign = np.linalg.det(left @ right)
    left[:, :, 2] *= sign[:, None]
    aligned = (moved - moved[:, inside].mean(axis=1, keepdims=True)) @ (left @ right)
    spread = np.sqrt((aligned - (verts - verts[inside].mean(axis=0))).var(axis=0).mean(axis=1)) * 1e3
    assert_allclose(mesh.sigma_mm(covariance), spread, rtol=0.08, atol=0.02 * spread.mean())


def test_nothing_uncertain_is_sure(mesh, covariance):
    assert_allclose(mesh.sigma_mm(np.zeros_like(covariance)), 0)
    assert_allclose(mesh.sigma_mm(4 * covariance), 2 * mesh.sigma_mm(covariance), rtol=1e-4)


def test_rigid_motion_is_no_uncertainty(head):
    """A mode that turns and moves the head as a whole."""
    from dataclasses import replace

    from monoface.facemodel import FaceModel

    turn = matrix_from_axis_angle(torch.tensor([0.001, 0.002, -0.001]))
    rigid = 1000 * (head.mean_mm @ turn.T - head.mean_mm) + torch.tensor([3.0, -1.0, 2.0])
    modes = torch.cat((rigid[None], head.identity_basis_mm[1:]))
    mesh = VertexUncertainty(FaceModel(replace(head.data, identity_basis_mm=modes)))
    size = head.expression_size + head.identity_size
    covariance = np.zeros((size, size), np.float32)
    covariance[head.expression_size, head.expression_size] = 1.0
    assert mesh.sigma_mm(covariance).max() < 0.01 * float(rigid.norm(dim=1).mean())


def test_expression_follows_identity(mesh, head):
    """The joint covariance of what depends on what is not known, against draws."""
    rng = np.random.default_rng(2)
    identities, expressions = head.identity_size, head.expression_size
    roots = rng.normal(size=(identities, identities)), 0.2 * rng.normal(size=(expressions, expressions))
    by_identity = rng.normal(size=(1, expressions, identities))
    faces = RefinedFaces(
        np.zeros((1, identities)),
        (roots[0] @ roots[0].T)[None],
        Poses(np.eye(3)[None], np.ones(1), np.zeros((1, 2)), np.zeros((1, expressions))),
        (roots[1] @ roots[1].T)[None],
        by_identity,
    )
    identity = rng.normal(size=(200_000, identities)) @ roots[0].T
    expression = identity @ by_identity[0].T + rng.normal(size=(200_000, expressions)) @ roots[1].T
    expected = np.cov(np.concatenate((expression, identity), axis=1).T)
    uncertainty = ShapeUncertainty.of(faces, 0, 2.0)
    assert_allclose(uncertainty.covariance, expected, atol=0.03 * np.abs(expected).max())
    assert_allclose(uncertainty.vertex_sigma_mm(mesh), 2 * mesh.sigma_mm(uncertainty.covariance), rtol=1e-5)
