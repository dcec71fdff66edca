"""Eyeballs in linear offsets: they look where turned ones do, and leave skin, landmarks and lids alone."""

from itertools import combinations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.facemodel import MorphableModel, load_default_model

SIDES = {"eye_left": "Left", "eye_right": "Right"}
GAZES = ("Up", "Down", "In", "Out")


@pytest.fixture(scope="module")
def model():
    return load_default_model()


@pytest.fixture(scope="module")
def people(model):
    return torch.randn(5, model.identity_size, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def bases(model, people):
    return model.expression_basis_for(people)


def expression_of(model, weights):
    expression = torch.zeros(1, model.expression_size)
    for name, weight in weights.items():
        expression[0, model.expression_names.index(name)] = weight
    return expression


def gaze_deg(model, part, verts):
    """Angles of each vertex of the iris, seen from the ball's centre: to the left, and up."""
    eye = model.data.eyes[part]
    out = verts[eye.ball_index] - eye.centre @ verts
    front = out[model.mean_mm[eye.ball_index, 2].argsort(descending=True)[:40]].double().mean(dim=0)
    return np.degrees(np.arctan2(front[:2].numpy(), float(front[2])))


@pytest.mark.parametrize("part", SIDES)
@pytest.mark.parametrize("gaze", GAZES)
def test_morphs_turn_eyes_by_the_angle_of_the_weight(model, people, bases, part, gaze):
    name = f"eyeLook{gaze}{SIDES[part]}"
    offsets = bases[0, model.expression_names.index(name)]
    neutral = model.shape(people[:1], expression_of(model, {}))[0]
    start = gaze_deg(model, part, neutral)
    for weight in (0.25, 0.5, 0.75, 1.0):
        turned = gaze_deg(model, part, model.shape(people[:1], expression_of(model, {name: weight}))[0])
        moved = gaze_deg(model, part, neutral + weight * offsets)
        assert np.abs(moved - turned).max() < 0.2
    assert np.abs(moved - start).max() == pytest.approx(
        {"Up": 20.05, "Down": 25.78, "In": 28.65, "Out": 28.65}[gaze], abs=1.0
    )


def test_at_weight_one_each_shape_is_the_models(model, people, bases):
    neutral = model.shape(people, torch.zeros(len(people), model.expression_size))
    for row in range(model.expression_size):
        expression = torch.eye(model.expression_size)[row].expand(len(people), -1)
        assert_close(neutral + bases[:, row], model.shape(people, expression), rtol=0, atol=2e-4)


def test_eyeballs_are_all_that_moves_besides_the_basis_and_its_correctives(model, people, bases):
    skin = ~model.data.regions["eyes"]
    expected = model.expression_basis_mm.expand(len(people), -1, -1, -1).clone()
    extra = torch.einsum("bk,ekvc->bevc", people, model.corrective_mm)
    expected[:, model.corrected[:, None], model.corrective_verts] += extra
    assert torch.equal(bases[:, :, skin], expected[:, :, skin])
    still = [not name.startswith("eyeLook") for name in model.expression_names]
    assert not bases[:, still][:, :, ~skin].any()


def test_no_landmark_lies_on_an_eyeball(model):
    eyes = model.data.regions["eyes"]
    for points in model.data.landmarks.values():
        assert not (eyes[points.index] & (points.weight != 0)).any()


def test_eyeballs_move_least_in_the_others_shapes(model, bases):
    for part, side in SIDES.items():
        ball = model.data.eyes[part].ball_index
        own = [name.startswith("eyeLook") and name.endswith(side) for name in model.expression_names]
        assert (bases[:, own][:, :, ball].norm(dim=-1).amax(dim=-1) > 4).all()
        assert not bases[:, [not flag for flag in own]][:, :, ball].any()


def test_the_numpy_model_has_them(model):
    row = model.expression_names.index("eyeLookInLeft")
    basis = model.expression_basis_for(torch.zeros(1, model.identity_size))[0]
    np.testing.assert_allclose(MorphableModel.load().expression_basis_mm[row], basis[row].numpy(), atol=1e-4)


def room_mm(model, verts, part):
    """Least distance of its vertices from the lids, along rays from the centre; negative if through."""
    eye = model.data.eyes[part]
    lids = model.data.regions["eyelids"] & ~model.data.regions["eye_sockets"]
    corners = verts[model.faces[lids[model.faces].all(dim=1)]].double().numpy()
    centre = (eye.centre @ verts).double().numpy()
    out = verts[eye.ball_index].double().numpy() - centre
    radius = np.linalg.norm(out, axis=1)
    share = np.einsum(
        "fij,vj->vfi", np.linalg.inv((corners - centre).transpose(0, 2, 1)), out / radius[:, None]
    )
    hit = (share > 0).all(axis=-1)
    distance = np.where(hit, 1 / np.where(hit, share.sum(axis=-1), 1), np.inf).min(axis=1)
    return (distance - radius).min()


def test_no_eyeball_comes_through_a_lid_whichever_two_shapes_of_the_eye_are_on(model):
    basis = model.expression_basis_for(torch.zeros(1, model.identity_size))[0]
    names = [name for name in model.expression_names if name.startswith("eye") and name.endswith("Left")]
    for pair in combinations(names, 2):
        verts = model.mean_mm + sum(basis[model.expression_names.index(name)] for name in pair)
        # Contradicting shapes leave less room (docs/face_model.md).
        assert room_mm(model, verts, "eye_left") > (-0.1 if "eyeWideLeft" in pair else 0), pair
