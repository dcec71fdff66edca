"""Lids shut and lips meet on every identity: of the shipped model, and of one that is made to."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from shipped_cards import load_card

from monoface.facemodel import FaceModel
from monoface.modelling.card import closure_figures
from monoface.modelling.closing.closing import with_closing_lids_and_lips
from monoface.modelling.closing.closure_checks import (
    chain_gap,
    check_closure,
    distance_to_triangles,
)
from monoface.modelling.closing.eye_room import IRIS_MM, RADIUS_MM
from monoface.modelling.mesh.eyeballs import IRIS_RAD, RINGS_RAD


def shown(model, identity, weights):
    """Faces of several people in one expression."""
    expression = torch.zeros(len(identity), model.expression_size)
    for name, weight in weights.items():
        expression[:, model.expression_names.index(name)] = weight
    return model.shape(identity, expression).double().numpy()


@pytest.fixture(scope="module")
def closure(face_model):
    return check_closure(face_model, samples=200)


def test_a_blink_shuts_either_eye(closure):
    assert closure.lid_gap_mm.shape == (200, 2)
    assert closure.lid_gap_mm.max() <= 0.2


def test_no_eyeball_comes_through_a_lid_on_the_way(closure):
    assert closure.ball_clearance_mm.min() > 0


def test_lips_meet_at_rest_and_do_not_pass_through_each_other(closure):
    assert closure.lip_gap_mm.max() <= 0.1
    assert closure.lip_overlap_mm.max() <= 0.2


def test_lips_meet_before_an_open_jaw(closure):
    assert closure.closed_gap_mm.max() <= 0.1
    assert closure.closed_overlap_mm.max() <= 0.2


def test_the_card_says_so(closure):
    stated, found = load_card("face_model")["metrics"]["closure"], closure_figures(closure)
    assert stated.keys() == found.keys()
    for name, value in stated.items():
        np.testing.assert_allclose(value, found[name], atol=0.005, err_msg=name)


def test_without_correctives_lids_stay_apart(face_model):
    found = check_closure(FaceModel(replace(face_model.data, correctives=None)), samples=10)
    assert found.lid_gap_mm.max() > 1


def test_eyeballs_are_spheres_of_one_size_for_everyone(face_model, rng):
    identity = 2 * torch.randn(4, face_model.identity_size, generator=rng)
    verts = shown(face_model, identity, {"eyeLookOutLeft": 1.0, "eyeBlinkLeft": 0.5})
    joint = face_model.data.eyes["eye_left"]
    centre = np.einsum("v,nvc->nc", joint.centre.numpy(), verts)[:, None]
    ball = verts[:, joint.ball_index]
    radius = np.linalg.norm(ball - centre, axis=-1)
    np.testing.assert_allclose(radius, RADIUS_MM, atol=0.03)
    edge = int(np.searchsorted(RINGS_RAD, IRIS_RAD))
    rings = [ball[:, 1 + 24 * ring : 25 + 24 * ring] for ring in (edge - 1, edge)]
    inner, outer = (np.linalg.norm(ring - ring.mean(axis=1, keepdims=True), axis=-1).mean() for ring in rings)
    assert inner < IRIS_MM < outer


@pytest.mark.parametrize("name", ["eyeLookIn", "eyeLookOut", "eyeSquint"])
@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_lids_of_other_expressions_stay_clear_too(face_model, name, weight):
    from monoface.modelling.closing.lids import model_lids

    mesh = model_lids(face_model.data)
    rings = mesh.ring[mesh.faces]
    lids = mesh.faces[((rings >= 0) & (rings <= 6)).all(axis=1)]
    identity = torch.from_numpy(np.random.default_rng(0).standard_normal((40, 80))).float()
    verts = shown(face_model, identity, {f"{name}Left": 1.0, "eyeBlinkLeft": weight})
    centre = np.einsum("v,nvc->nc", face_model.data.eyes["eye_left"].centre.double().numpy(), verts)
    assert distance_to_triangles(centre, verts[:, lids]).min() > RADIUS_MM


@pytest.fixture(scope="module")
def reclosed(face_model):
    """The shipped model with weak blinks and parted lips, closed anew."""
    data = face_model.data
    expressions, identity = data.expression_basis_mm.clone(), data.identity_basis_mm.clone()
    for name in ("eyeBlinkLeft", "eyeBlinkRight", "mouthClose"):
        expressions[data.expression_names.index(name)] *= 0.8
    jaw = expressions[data.expression_names.index("jawOpen")]
    identity[0] += 0.02 * jaw
    opened = replace(data, expression_basis_mm=expressions, identity_basis_mm=identity, correctives=None)
    return opened, with_closing_lids_and_lips(opened)


def test_what_stood_open_is_closed(reclosed):
    opened, closed = reclosed
    before, after = (check_closure(FaceModel(data), samples=10) for data in (opened, closed))
    assert before.lid_gap_mm.max() > 1.5
    assert after.lid_gap_mm.max() < 0.35
    assert before.lip_gap_mm.max() > 0.5
    assert after.lip_gap_mm.max() < 0.1
    assert before.closed_gap_mm.max() > 3
    assert after.closed_gap_mm.max() < 0.15


def test_all_else_stays(reclosed):
    opened, closed = reclosed
    for name in ("faces", "face_part", "uv", "weld", "mirror", "albedo_mean", "albedo_basis"):
        assert torch.equal(getattr(closed, name), getattr(opened, name)), name
    assert closed.provenance["coefficient_space"] == opened.provenance["coefficient_space"]
    mean, jaw_open = opened.mean_mm, opened.expression_basis_mm[opened.expression_names.index("jawOpen")]
    lids_and_lips = (
        opened.regions["eyes"]
        | ((mean[:, 1].sub(36).abs() < 25) & (mean[:, 2] > 65) & (mean[:, 0].abs() < 60))
        | ((mean[:, 1] + 34).abs().lt(26) & (mean[:, 2] > 75) & (mean[:, 0].abs() < 40))
    )
    assert torch.equal(
        closed.identity_basis_mm[:, ~lids_and_lips], opened.identity_basis_mm[:, ~lids_and_lips]
    )
    assert torch.equal(closed.mean_mm[~lids_and_lips], opened.mean_mm[~lids_and_lips])
    again = closed.expression_basis_mm[closed.expression_names.index("jawOpen")]
    assert torch.equal(again, jaw_open)


def test_distances_to_a_triangle_by_hand():
    triangle = np.array(((0.0, 0, 0), (2, 0, 0), (0, 2, 0)))
    points = np.array(((0.5, 0.5, 3.0), (-1.0, 0.5, 0.0), (2.0, 2.0, 0.0), (5.0, 0.0, 4.0)))
    found = distance_to_triangles(points, np.broadcast_to(triangle, (4, 1, 3, 3)))[:, 0]
    np.testing.assert_allclose(found, (3, 1, np.sqrt(2), 5))


def test_the_gap_of_chains_by_hand():
    upper = np.array(((0.0, 0, 0), (1, 0.5, 0), (3, 0, 0)))
    assert chain_gap(upper, upper[[0, 2]]) == pytest.approx(0.5)
    assert chain_gap(upper[[0, 2]], upper) == pytest.approx(0.5)
    assert chain_gap(upper, upper) == 0
