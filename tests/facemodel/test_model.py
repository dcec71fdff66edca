"""The face model: linear shape, turning eyes, and data that does not fit together."""

import dataclasses

import pytest
import torch
from synthetic_head import EYE_CENTRE_MM, EYE_RADIUS_MM
from torch.testing import assert_close

from monoface.core.errors import ModelFileError


def zeros(head, batch=1):
    return torch.zeros(batch, head.identity_size), torch.zeros(batch, head.expression_size)


def expression_of(head, name, weight=1.0):
    expression = zeros(head)[1]
    expression[0, head.expression_names.index(name)] = weight
    return expression


def test_zeros_are_the_mean_face(head):
    assert_close(head.shape(*zeros(head, 3)), head.mean_mm.expand(3, -1, -1))


def test_shape_is_linear_but_for_the_eyes(head, rng):
    skin = ~head.data.regions["eyes"]
    identity = torch.randn(3, head.identity_size, generator=rng)
    expression = torch.rand(3, head.expression_size, generator=rng)
    whole = head.shape(identity, expression) - head.mean_mm
    parts = head.shape(identity, 0 * expression) + head.shape(0 * identity, expression) - 2 * head.mean_mm
    assert_close(whole[:, skin], parts[:, skin], rtol=0, atol=1e-3)
    assert_close(
        head.shape(2 * identity, 0 * expression) - head.mean_mm,
        2 * (head.shape(identity, 0 * expression) - head.mean_mm),
        rtol=0,
        atol=1e-3,
    )


def test_a_mode_moves_vertices_by_its_offsets(head):
    identity, expression = zeros(head)
    identity[0, 1] = 2.0
    assert_close(head.shape(identity, expression)[0], head.mean_mm + 2 * head.identity_basis_mm[1])


@pytest.mark.parametrize("name", ["eyeLookOutLeft", "eyeLookUpLeft", "eyeLookInRight", "eyeLookDownRight"])
def test_eyes_turn_about_their_centre(head, name):
    side = "left" if name.endswith("Left") else "right"
    ball, other = (head.data.eyes[f"eye_{s}"].verts for s in (side, "right" if side == "left" else "left"))
    turned = head.shape(zeros(head)[0], expression_of(head, name))[0]
    centre = torch.from_numpy(EYE_CENTRE_MM).float() * torch.tensor([1.0 if side == "left" else -1.0, 1, 1])
    radius = (turned[ball] - centre).norm(dim=1)
    assert_close(radius, torch.full_like(radius, EYE_RADIUS_MM), rtol=0, atol=1e-3)
    assert (turned[ball] - head.mean_mm[ball]).norm(dim=1).max() > 2
    assert_close(turned[~ball], head.mean_mm[~ball])
    assert_close(turned[other], head.mean_mm[other])


@pytest.mark.parametrize(
    ("name", "axis", "sign"),
    [("eyeLookOutLeft", 0, 1), ("eyeLookInLeft", 0, -1), ("eyeLookUpLeft", 1, 1), ("eyeLookDownLeft", 1, -1)],
)
def test_pupils_go_where_the_name_says(head, name, axis, sign):
    ball = head.data.eyes["eye_left"].verts.nonzero()[:, 0]
    pupil = ball[head.mean_mm[ball, 2].argmax()]
    moved = head.shape(zeros(head)[0], expression_of(head, name))[0, pupil] - head.mean_mm[pupil]
    assert sign * moved[axis] > 2


def test_eyes_follow_identity_before_they_turn(head):
    identity, _ = zeros(head)
    identity[0, 0] = 3.0
    still = head.shape(identity, zeros(head)[1])[0]
    turned = head.shape(identity, expression_of(head, "eyeLookOutLeft"))[0]
    ball = head.data.eyes["eye_left"].verts
    assert_close(still[ball].mean(dim=0), turned[ball].mean(dim=0), rtol=0, atol=1e-3)


def test_gradients_reach_coefficients_through_the_eyes(head):
    expression = expression_of(head, "eyeLookUpLeft", 0.0).requires_grad_()
    head.shape(zeros(head)[0], expression).square().sum().backward()
    assert expression.grad.isfinite().all()


def test_albedo_is_linear_within_its_range(head):
    coeffs = torch.tensor([[0.5, -1.0], [100.0, 0.0]])
    albedo = head.albedo(coeffs)
    assert_close(albedo[0, 0], torch.tensor([0.5, 0.35, 0.25]) + torch.tensor([0.0, 0.05, 0.10]))
    assert_close(albedo[1], torch.ones_like(albedo[1]))


def test_a_subset_of_points_moves_as_the_mesh_does(head, rng):
    identity = torch.randn(2, head.identity_size, generator=rng)
    expression = torch.rand(2, head.expression_size, generator=rng)
    points = head.landmarks("ibug68")
    expected = points.points(head.shape(identity, expression))
    assert_close(head.subset(points)(identity, expression), expected, rtol=0, atol=1e-3)


def test_sizes_and_names(head):
    assert (head.identity_size, head.expression_size, head.albedo_size) == (4, 13, 2)
    assert head.expression_bounds == (0.0, 1.0)


def test_unknown_landmark_sets_are_refused(head):
    with pytest.raises(ModelFileError, match="it has aflw21, facemesh468"):
        head.landmarks("ibug70")


def test_regions_that_everybody_needs_must_be_there(head_data):
    with pytest.raises(ModelFileError, match="lacks the region face"):
        dataclasses.replace(head_data, regions={"narrow_face": head_data.regions["narrow_face"]})


def test_indices_outside_of_the_mesh_are_refused(head_data):
    faces = head_data.faces.clone()
    faces[0, 0] = len(head_data.mean_mm)
    with pytest.raises(ModelFileError, match=r"vertex indices in 0\.\.725"):
        dataclasses.replace(head_data, faces=faces)


def test_expressions_without_names_are_refused(head_data):
    with pytest.raises(ModelFileError, match="expected 13 expression names, got 12"):
        dataclasses.replace(head_data, expression_names=head_data.expression_names[1:])


def test_unknown_parts_are_refused(head_data):
    with pytest.raises(ModelFileError, match="one of 2 parts"):
        dataclasses.replace(head_data, part_names=head_data.part_names[:2])
