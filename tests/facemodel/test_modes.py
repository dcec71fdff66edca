"""Fewer identity modes, in closed form."""

import dataclasses

import pytest
import torch
from torch.testing import assert_close

from monoface.core.arrays import in_numpy
from monoface.facemodel.formulas.mirrored_modes import identity_mirror
from monoface.facemodel.modes import reduced_identity_modes, vertex_areas


@pytest.fixture
def source(head_data, rng):
    """The head with six modes that overlap."""
    mixing = torch.randn(6, 4, generator=rng)
    noise = torch.randn(6, *head_data.mean_mm.shape, generator=rng)
    modes = torch.einsum("ij,jvc->ivc", mixing, head_data.identity_basis_mm) + 0.1 * noise
    return dataclasses.replace(head_data, identity_basis_mm=modes)


def variance(basis, areas):
    return (basis.double().square() * areas[:, None]).sum()


def test_areas_of_a_square_by_hand():
    verts = torch.tensor([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0]])
    areas = vertex_areas(verts, torch.tensor([[0, 1, 2], [0, 2, 3]]))
    assert_close(areas, torch.tensor([4.0, 2.0, 4.0, 2.0], dtype=torch.float64) / 3)


def test_areas_of_seam_copies_count_at_the_first():
    verts = torch.tensor([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0], [0, 0, 0]])
    faces, weld = torch.tensor([[0, 1, 2], [4, 2, 3]]), torch.tensor([0, 1, 2, 3, 0])
    areas = vertex_areas(verts, faces, weld)
    assert areas[4] == 0
    assert areas[0].item() == pytest.approx(4 / 3)
    assert areas.sum().item() == pytest.approx(4)


def test_combinations_are_orthonormal(source):
    modes = reduced_identity_modes(source, 4, torch.ones(len(source.mean_mm)))
    assert_close(modes.T @ modes, torch.eye(4, dtype=modes.dtype))


def test_variance_left_out_is_that_of_the_dropped_directions(source):
    areas = vertex_areas(source.mean_mm, source.faces, source.weld)
    importance = torch.ones(len(source.mean_mm))
    total = variance(source.identity_basis_mm, areas)
    gram = torch.einsum("ivc,jvc,v->ij", *[source.identity_basis_mm.double()] * 2, areas)
    dropped = torch.linalg.eigvalsh(gram)[:2].sum()
    modes = reduced_identity_modes(source, 4, importance)
    kept = variance(torch.einsum("ik,ivc->kvc", modes, source.identity_basis_mm.double()), areas)
    assert_close(total - kept, dropped, rtol=1e-6, atol=1e-6 * float(total))


def test_all_modes_give_the_covariance_of_the_source(source):
    modes = reduced_identity_modes(source, 6, torch.ones(len(source.mean_mm)))
    rows = source.identity_basis_mm.double().flatten(1)[:, ::50]
    turned = modes.T @ rows
    assert_close(turned.T @ turned, rows.T @ rows)


def test_largest_variance_comes_first(source):
    areas = vertex_areas(source.mean_mm, source.faces, source.weld)
    modes = reduced_identity_modes(source, 6, torch.ones(len(source.mean_mm)))
    basis = torch.einsum("ik,ivc->kvc", modes, source.identity_basis_mm.double())
    variances = torch.stack([variance(row, areas) for row in basis])
    assert_close(variances, variances.sort(descending=True).values)


def test_vertices_without_importance_do_not_count(source):
    importance = source.regions["narrow_face"].float()
    changed = source.identity_basis_mm.clone()
    changed[:, importance == 0] *= 100
    other = dataclasses.replace(source, identity_basis_mm=changed)
    assert_close(reduced_identity_modes(other, 3, importance), reduced_identity_modes(source, 3, importance))


def test_the_mirror_of_identity_gives_the_mirrored_shape(head_data, rng):
    flip = torch.tensor([-1.0, 1.0, 1.0])
    sideways = torch.randn(head_data.identity_basis_mm.shape, generator=rng)
    mirrored = sideways[:, head_data.mirror] * flip
    # Neither symmetric nor antisymmetric, but together they span the mirror images of all shapes.
    modes = torch.cat((sideways + 0.2 * mirrored, mirrored - sideways))
    data = dataclasses.replace(head_data, identity_basis_mm=modes)
    identity = torch.randn(1, len(modes), generator=rng)

    turned = identity @ torch.from_numpy(identity_mirror(in_numpy(data)))

    expected = torch.einsum("bk,kvc->bvc", identity, modes)[:, data.mirror] * flip
    assert_close(torch.einsum("bk,kvc->bvc", turned, modes), expected, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(turned, identity, atol=0.1)
