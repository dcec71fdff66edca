"""Correctives: what expressions do besides, depending on identity, in every form of the face model."""

import dataclasses

import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ModelFileError
from monoface.facemodel import Correctives, FaceModel, LandmarkSet, load_face_model_data, save_face_model
from monoface.facemodel.region_mesh import RegionMesh


@pytest.fixture(scope="module")
def data(head_data):
    """The synthetic head; two of its expressions get correctives at a quarter of the vertices."""
    generator = torch.Generator().manual_seed(5)
    verts = torch.arange(0, len(head_data.mean_mm), 4)
    offsets = torch.randn(2, len(head_data.identity_basis_mm), len(verts), 3, generator=generator)
    return dataclasses.replace(head_data, correctives=Correctives(torch.tensor((2, 4)), verts, offsets))


@pytest.fixture(scope="module")
def model(data):
    return FaceModel(data)


@pytest.fixture
def people(model, rng):
    """Coefficients of three people; the eyes look ahead, since points on eyeballs do not turn."""
    identity = torch.randn(3, model.identity_size, generator=rng)
    expression = torch.rand(3, model.expression_size, generator=rng)
    return identity, expression * torch.tensor(
        [not name.startswith("eyeLook") for name in model.expression_names]
    )


def test_shapes_move_by_weight_times_identity(model, head, data, people):
    identity, expression = people
    extra = data.correctives
    expected = head.shape(identity, expression)
    for person in range(3):
        for row, offsets in zip(extra.expression.tolist(), extra.offsets_mm, strict=True):
            for coefficient, mode in zip(identity[person].tolist(), offsets, strict=True):
                expected[person, extra.verts] += expression[person, row] * coefficient * mode
    assert_close(model.shape(identity, expression), expected, rtol=0, atol=1e-3)


def test_points_move_as_the_whole_mesh_does(model, data, people, rng):
    index = torch.randint(len(data.mean_mm), (30, 3), generator=rng)
    weight = torch.softmax(torch.randn(30, 3, generator=rng), dim=-1)
    points = LandmarkSet(index, weight)
    whole = model.shape(*people)
    assert_close(model.subset(points)(*people), points.points(whole), rtol=0, atol=1e-3)
    assert model.subset(points).corrective_mm.abs().max() > 0


def test_a_region_moves_as_the_whole_mesh_does(model, data, people):
    region = RegionMesh(model, "face")
    inside = data.regions["face"]
    kept = model.faces[inside[model.faces].all(dim=1)].unique()
    assert_close(region.shape(*people), model.shape(*people)[:, kept], rtol=0, atol=1e-3)


def test_a_persons_bases_are_linear_again(model, people):
    identity, expression = people
    whole = model.shape(identity, expression)
    neutral = model.shape(identity, torch.zeros_like(expression))
    basis = model.expression_basis_for(identity)
    assert_close(whole - neutral, torch.einsum("be,bevc->bvc", expression, basis), rtol=0, atol=1e-3)

    points = LandmarkSet.from_vertices(torch.arange(0, 200, 2).numpy())
    subset = model.subset(points)
    assert_close(subset.expression_basis_for(identity), basis[:, :, 0:200:2], rtol=0, atol=1e-5)
    moved = subset(identity, expression) - subset(torch.zeros_like(identity), expression)
    by_identity = torch.einsum("bk,bkpc->bpc", identity, subset.identity_basis_for(expression))
    assert_close(moved, by_identity, rtol=0, atol=1e-3)


def test_without_correctives_the_bases_are_the_models_own(head, people):
    skin = ~head.data.regions["eyes"]
    assert_close(head.expression_basis_for(people[0])[1][:, skin], head.expression_basis_mm[:, skin])
    subset = head.subset(head.landmarks("ibug68"))
    assert_close(subset.expression_basis_for(people[0])[2], subset.expression_mm)
    assert_close(subset.identity_basis_for(people[1])[0], subset.identity_mm)


def test_the_gradient_knows_correctives(model, people):
    identity = people[0].double().requires_grad_()
    subset = model.subset(LandmarkSet.from_vertices(torch.arange(0, 40, 4).numpy())).double()
    assert torch.autograd.gradcheck(subset, (identity, people[1].double()))


def test_correctives_come_back_from_files(data, tmp_path):
    save_face_model(data, tmp_path / "head.safetensors")
    back = load_face_model_data(tmp_path / "head.safetensors").correctives
    assert torch.equal(back.expression, data.correctives.expression)
    assert torch.equal(back.verts, data.correctives.verts)
    assert_close(back.offsets_mm, data.correctives.offsets_mm, rtol=2**-11, atol=1e-6)


def test_files_without_correctives_have_none(head_data, tmp_path):
    save_face_model(head_data, tmp_path / "head.safetensors")
    assert load_face_model_data(tmp_path / "head.safetensors").correctives is None


def test_correctives_that_do_not_fit_are_refused(data):
    extra = data.correctives
    short = dataclasses.replace(extra, offsets_mm=extra.offsets_mm[:, :2])
    with pytest.raises(ModelFileError, match=r"expected correctives of shape \(2, "):
        dataclasses.replace(data, correctives=short)
    for change in ({"verts": extra.verts.flip(0)}, {"verts": extra.verts + len(data.mean_mm)}):
        with pytest.raises(ModelFileError, match="ascending rows of correctives"):
            dataclasses.replace(data, correctives=dataclasses.replace(extra, **change))
