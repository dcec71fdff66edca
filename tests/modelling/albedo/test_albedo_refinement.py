import dataclasses
import math

import numpy as np
import pytest
import torch

from monoface.core.errors import ConfigError
from monoface.facemodel import FaceModel
from monoface.geometry.triangles import vertex_normals
from monoface.modelling.albedo.albedo_refinement import (
    RefineAlbedoConfig,
    held_out_errors,
    photometric_errors,
    refine_albedo,
)
from monoface.modelling.albedo.portraits import PortraitSamples
from monoface.shading import ambient_light, sh_irradiance

PEOPLE = 20


@pytest.fixture(scope="module")
def cheeks(face_model):
    places = face_model.mean_mm
    inner = (places[:, 2] > 50) & (places[:, 0].abs() > 20) & (places[:, 0].abs() < 45)
    return inner & face_model.data.regions["narrow_face"]


@pytest.fixture(scope="module")
def truth(face_model, cheeks):
    """The shipped model with redder cheeks for all, and a third mode that darkens them."""
    data = face_model.data
    tinted = torch.where(cheeks[:, None], torch.tensor([1.15, 0.85, 0.85]), torch.ones(3))
    basis = data.albedo_basis.clone()
    basis[:1] *= tinted
    basis[2] -= 0.03 * cheeks[:, None]
    return dataclasses.replace(data, albedo_mean=data.albedo_mean * tinted, albedo_basis=basis)


@pytest.fixture(scope="module")
def samples(face_model, truth):
    """Portraits of the true model under lights from in front, all of the skin in view."""
    generator = torch.Generator().manual_seed(8)
    model = FaceModel(truth)
    normals = vertex_normals(model.mean_mm[None], model.faces, model.weld)[0]
    # The camera looks along +z, with y down.
    normals = normals * torch.tensor([1.0, -1.0, -1.0])
    colours = []
    for albedo in torch.randn(PEOPLE, model.albedo_size, generator=generator):
        light = ambient_light(torch.full((3,), 2.2))
        light[1:4] += 0.6 * torch.randn(3, 1, generator=generator)
        colours.append(model.albedo(albedo[None])[0] * sh_irradiance(normals, light) / math.pi)
    weight = (normals[:, 2] < -0.1).float().expand(PEOPLE, -1)
    colour = torch.stack(colours).clamp(0.001, 0.97)
    return PortraitSamples(colour.numpy(), weight.numpy(), normals.expand(PEOPLE, -1, -1).numpy())


@pytest.fixture(scope="module")
def refined(face_model, samples):
    return refine_albedo(face_model.data, samples, RefineAlbedoConfig(rounds=3, keeping=2.0))


def test_what_all_have_in_common_is_found(face_model, truth, refined, cheeks):
    inner = cheeks.numpy()

    def reddish(data):
        cheek, nose = (data.albedo_mean[mask].mean(dim=0) for mask in (inner, data.regions["nose"].numpy()))
        return float((cheek / nose)[0] / (cheek / nose)[2])

    before, wanted, found = map(reddish, (face_model.data, truth, refined))
    assert abs(found - wanted) < 0.6 * abs(before - wanted)


def test_photos_are_explained_better_even_those_kept_out(face_model, samples, refined):
    before = photometric_errors(face_model, samples)
    assert (photometric_errors(FaceModel(refined), samples) < before).all()
    first, kept_out = held_out_errors(
        face_model.data, samples, RefineAlbedoConfig(rounds=1, keeping=2.0), folds=2
    )
    np.testing.assert_allclose(first, before)
    assert kept_out.mean() < 0.9 * before.mean()


def test_dark_and_light_skin_change_by_one_factor(face_model, refined):
    old, new = face_model.data, refined
    skin = old.regions["narrow_face"]
    dark, light = (
        (new.albedo_mean + c * new.albedo_basis[0])[skin] / (old.albedo_mean + c * old.albedo_basis[0])[skin]
        for c in (-1.5, 1.5)
    )
    torch.testing.assert_close(dark, light, rtol=1e-3, atol=1e-3)


def test_the_result_is_symmetric_and_only_the_skin_changes(face_model, refined):
    data = face_model.data
    torch.testing.assert_close(refined.albedo_basis[:, data.mirror], refined.albedo_basis, rtol=0, atol=2e-4)
    other = ~data.regions["skin"]
    assert refined.albedo_mean[other].equal(data.albedo_mean[other])
    assert not refined.albedo_basis.equal(data.albedo_basis)


def test_a_basis_that_counts_for_much_stays(face_model, samples):
    kept = refine_albedo(face_model.data, samples, RefineAlbedoConfig(rounds=1, keeping=1e9))
    torch.testing.assert_close(kept.albedo_basis, face_model.data.albedo_basis, rtol=0, atol=2e-4)


def test_what_cannot_be_refined_is_refused(face_model, samples):
    with pytest.raises(ConfigError, match="a round or more"):
        RefineAlbedoConfig(rounds=0)
    bare = dataclasses.replace(face_model.data, albedo_basis=face_model.data.albedo_basis[:0])
    with pytest.raises(ConfigError, match="expected a face model with albedo modes"):
        refine_albedo(bare, samples)
