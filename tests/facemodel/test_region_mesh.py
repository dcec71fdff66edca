"""A region as a mesh of its own."""

import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ModelFileError
from monoface.facemodel.region_mesh import RegionMesh
from monoface.geometry.triangles import vertex_normals


@pytest.fixture
def kept(head):
    faces = head.faces[head.data.regions["face"][head.faces].all(dim=1)]
    return faces.unique()


def test_shape_and_albedo_are_those_of_the_model(head, kept, rng):
    mesh = RegionMesh(head, "face")
    identity, expression = torch.randn(2, head.identity_size, generator=rng), torch.rand(2, 13, generator=rng)
    albedo = torch.randn(2, head.albedo_size, generator=rng)
    assert_close(mesh.shape(identity, expression), head.shape(identity, expression)[:, kept])
    assert_close(mesh.albedo(albedo), head.albedo(albedo)[:, kept])


def test_triangles_are_those_within_the_region(head, kept):
    mesh = RegionMesh(head, "face")
    inside = head.data.regions["face"][head.faces].all(dim=1)
    assert torch.equal(kept[mesh.faces], head.faces[inside])


def test_vertices_at_one_place_share_a_normal(head, kept):
    mesh = RegionMesh(head, "face")
    assert torch.equal(mesh.weld, torch.arange(len(kept)))
    doubled = RegionMesh(head, "face")
    doubled.weld = mesh.weld.clone()
    doubled.weld[3] = 1
    verts = mesh.shape(torch.zeros(1, head.identity_size), torch.zeros(1, 13))[0]
    normals = vertex_normals(verts, doubled.faces, doubled.weld)
    assert_close(normals[3], normals[1])


def test_unknown_regions_are_refused(head):
    with pytest.raises(ModelFileError, match="region hat: the face model has no such region"):
        RegionMesh(head, "hat")
