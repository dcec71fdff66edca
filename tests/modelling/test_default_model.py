"""The shipped face model as a face: eyes, lids, lips, regions, colours."""

import pytest
import torch
from shipped_cards import load_card

from monoface.core.assets import asset_path
from monoface.modelling.facemodel import PART_NAMES


def shape(model, **expression):
    weights = torch.zeros(1, model.expression_size)
    for name, weight in expression.items():
        weights[0, model.expression_names.index(name)] = weight
    return model.shape(torch.zeros(1, model.identity_size), weights)[0]


def iris(model, verts, side):
    """Mean of the darkest vertices of an eyeball, which are the pupil's."""
    eye = model.data.regions[f"eye_{side}"]
    brightness = model.albedo_mean.sum(dim=1)
    return verts[eye & (brightness <= brightness[eye].quantile(0.1))].mean(dim=0)


def test_it_is_small_enough_and_has_a_card():
    assert asset_path("face_model.safetensors").stat().st_size <= 12e6
    card = load_card("face_model")
    assert "MIT" in card["terms"]
    assert card["metrics"]["folded_triangles"] == {}


def test_it_has_its_parts_and_names(face_model):
    assert face_model.data.part_names == PART_NAMES
    assert len(face_model.expression_names) == 51
    assert face_model.expression_names[0] == "browDownLeft"
    skin = {"narrow_face", "face", "skin", "ears", "neck", "lips", "nose", "eyelids", "brows"}
    assert skin | {"eyes", "mouth", "teeth"} <= face_model.data.regions.keys()


@pytest.mark.parametrize("side", ["left", "right"])
def test_eyes_turn_where_they_look(face_model, side):
    ahead = iris(face_model, shape(face_model), side)
    outward = 1.0 if side == "left" else -1.0
    name = side.capitalize()
    to_side = iris(face_model, shape(face_model, **{f"eyeLookOut{name}": 1.0}), side) - ahead
    up = iris(face_model, shape(face_model, **{f"eyeLookUp{name}": 1.0}), side) - ahead
    down = iris(face_model, shape(face_model, **{f"eyeLookDown{name}": 1.0}), side) - ahead
    assert to_side[0] * outward > 5
    assert up[1] > 3
    assert down[1] < -4


def test_eyeballs_are_rigid_in_expressions(face_model):
    eye = face_model.data.regions["eye_left"]
    still = shape(face_model)[eye]
    turned = shape(face_model, eyeLookOutLeft=1.0, eyeBlinkLeft=1.0, jawOpen=1.0)[eye]
    pairs = [torch.linalg.vector_norm(ball[:20, None] - ball[None], dim=-1) for ball in (turned, still)]
    torch.testing.assert_close(*pairs, atol=1e-3, rtol=1e-4)


def test_the_ears_are_at_the_sides_and_the_nose_in_front(face_model):
    regions = face_model.data.regions
    mean = face_model.mean_mm
    assert mean[regions["ears"], 0].abs().min() > 60
    assert mean[regions["nose"], 2].max() == mean[:, 2].max()
    assert mean[regions["neck"], 1].max() < mean[regions["lips"], 1].min() + 30
    assert mean[regions["brows"], 1].min() > mean[regions["eyes"], 1].mean()


def test_skin_tones_go_from_dark_to_light(face_model):
    coefficients = torch.zeros(5, face_model.albedo_size)
    coefficients[:, 0] = torch.linspace(-2.5, 2.5, 5)
    skin = face_model.data.regions["narrow_face"]
    albedo = face_model.albedo(coefficients)[:, skin]
    brightness = albedo.mean(dim=(1, 2))
    assert (brightness.diff() > 0.03).all()
    assert 0.03 < brightness[0] < 0.10
    assert 0.35 < brightness[-1] < 0.6
    red, green, blue = albedo.mean(dim=1).unbind(dim=-1)
    assert ((red > green) & (green > blue)).all()
    assert albedo.min() > 0.002


def test_albedo_modes_are_symmetric_and_leave_eyes_and_teeth_alone(face_model):
    data = face_model.data
    torch.testing.assert_close(data.albedo_basis[:, data.mirror], data.albedo_basis, atol=1e-6, rtol=0)
    assert data.albedo_basis[:, data.regions["eyes"] | data.regions["teeth"]].abs().max() == 0
