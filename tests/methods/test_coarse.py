"""The coarse stage of Detail: it learns, right answers leave no error, and each term is what it says."""

import dataclasses

import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_views import (
    VIEW_PX,
    BrightnessEncoder,
    losses_by_heart,
    small_config,
    told,
    view_batch,
    view_outputs,
)
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.facemodel.landmarks import JAW17
from monoface.geometry.rotations import head_matrix_from_angles, matrix_to_6d
from monoface.losses.contour import silhouette_vertices
from monoface.methods.detail import Coarse, CoarseConfig
from monoface.methods.detail.coarse_landmarks import GROUPS, grouped, landmark_weights
from monoface.methods.supervision import SupervisionConfig

TERMS = (
    "landmarks",
    "contour",
    "photometric",
    "perceptual",
    "white_light",
    "albedo_prior",
    "identity_gaussian",
)


def small_coarse(encoder=None, **changes):
    """The stage with a network of a few thousand weights, the same ones every time."""
    return Coarse(synthetic_head(), CoarseConfig(**(small_config() | changes)), encoder)


def weak_batch(**changes):
    """The batch of views, drawn and marked under weak perspective, with the outlines of its faces."""
    batch = view_batch(focal_per_size=None, **changes)
    points = {name: batch.points_px[name] for name in ("aflw21", "facemesh468", "ibug68_contour")}
    known = points["ibug68_contour"].clone()
    outline = known[:, :, :17].clone()
    contour = known.clone()
    contour[:, :, :17] = torch.nan
    points |= {"ibug68": known, "ibug68_contour": contour, JAW17: outline}
    return dataclasses.replace(batch, points_px=points)


def test_it_learns_a_batch_by_heart():
    losses = losses_by_heart(small_coarse(BrightnessEncoder()), weak_batch())
    assert losses[-1] < losses[0] / 3


def test_right_answers_leave_no_error():
    batch = weak_batch()
    terms = told(small_coarse(render_px=48), batch.outputs.flatten(0, 1)).step(batch).terms
    for name in ("landmarks", "dense", "shape", "rotation", "identity", "albedo", "light"):
        assert terms[name] == pytest.approx(0, abs=2e-3), name
    # The region that is drawn has its own normals at its border, and its vertices are not the landmarks.
    assert terms["photometric"] < 0.01
    assert terms["contour"] < 3


def test_the_total_is_the_weighted_sum_of_the_terms():
    method = small_coarse(BrightnessEncoder(), identity_gaussian=0.1, expression_gaussian=0.1)
    result = method.step(weak_batch())
    weights = method.config.term_weights
    assert result.terms.keys() <= weights.keys()
    assert {*TERMS, "expression_gaussian"} <= result.terms.keys()
    expected = sum(weights[name] * value for name, value in result.terms.items())
    assert float(result.total["regressor"].detach()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", TERMS)
def test_each_term_reaches_the_network_with_finite_gradients(name):
    method = small_coarse(BrightnessEncoder(), identity_gaussian=0.1)
    batch = weak_batch(lit=False)
    output = view_outputs(2, seed=8).flatten(0, 1).requires_grad_()
    terms = method.terms(output, torch.zeros(len(output)), batch.image.flatten(0, 1), batch)
    gradient = torch.autograd.grad(terms[name].mean(), output)[0]
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


def test_outputs_are_of_weak_perspective():
    method, head = small_coarse(), synthetic_head()
    assert method.layout.geometry == CoefficientLayout.of(head)
    assert (method.layout.albedo, method.layout.light, method.layout.focal_per_size) == (
        head.albedo_size,
        True,
        None,
    )
    assert set(method.set_names) == {"aflw21", "facemesh468", "ibug68", "ibug68_contour", JAW17}
    assert method.to(torch.device("cpu")) is method


def contour_pull(silhouette):
    """Gradient to the shift of faces in near profile whose outline is marked a pixel off."""
    method = small_coarse(silhouette=silhouette, contour_limit=0.2, contour_focus=1.0)
    batch, layout = weak_batch(count=1), method.layout
    output = batch.outputs.flatten(0, 1).clone()
    start = layout.identity + layout.expression
    yaw, zero = torch.tensor((-1.1, 0.0, 1.1)), torch.zeros(3)
    upright = torch.tensor((1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    output[:, start : start + 6] = matrix_to_6d(head_matrix_from_angles(yaw, zero, zero)) - upright
    coefficients, camera = layout.decode(output, VIEW_PX)
    jaw = project_points(synthetic_head().subset(synthetic_head().landmarks(JAW17)), coefficients, camera)
    outline = {JAW17: (jaw + 1.0)[None]}
    batch = dataclasses.replace(batch, points_px=batch.points_px | outline)
    output.requires_grad_()
    terms = method.terms(output, zero, batch.image.flatten(0, 1), batch)
    return torch.autograd.grad(terms["contour"].sum(), output)[0][:, layout.geometry_size - 2]


def test_the_published_silhouette_pulls_hidden_points_by_nothing():
    meant, published = contour_pull("ratio"), contour_pull("count")
    assert meant[1] == published[1]
    # The views on either side have hidden points, which only what is meant moves.
    assert (meant[[0, 2]] - published[[0, 2]]).abs().min() > 1e-2


def test_faces_without_an_outline_have_no_contour_term():
    batch = weak_batch()
    unknown = {JAW17: torch.full_like(batch.points_px[JAW17], torch.nan)}
    batch = dataclasses.replace(batch, points_px=batch.points_px | unknown)
    result = told(small_coarse(), view_outputs(2, seed=8).flatten(0, 1)).step(batch)
    assert result.terms["contour"] == 0
    assert result.total["regressor"].isfinite()


def test_landmarks_count_as_published():
    weights = landmark_weights()
    # The paper's 219 over 86 points, less eight below the brows and six beside the nose.
    assert len(weights) == 72
    assert float(weights.sum()) == 219 - 8 - 4 - 2
    assert GROUPS[68] == (37, 38)
    points = torch.arange(136.0).reshape(1, 68, 2)
    assert_close(grouped(points)[0, 68], (points[0, 37] + points[0, 38]) / 2)
    points[0, 37] = torch.nan
    assert grouped(points).isnan().any(dim=-1)[0].nonzero()[:, 0].tolist() == [37, 68]


def test_a_landmark_that_is_off_costs_its_weight():
    batch = weak_batch(count=1)
    known = {name: points.clone() for name, points in batch.points_px.items()}
    known["ibug68_contour"][:] = torch.nan
    known["ibug68"][:, :, 51] += torch.tensor((3.0, 4.0))
    batch = dataclasses.replace(batch, points_px=known)
    found = told(small_coarse(), batch.outputs.flatten(0, 1)).step(batch).terms["landmarks"]
    # The middle of the upper lip: weight 10 of 205, and 25 square pixels.
    assert found == pytest.approx(25 * 10 / 205, rel=1e-3)


def test_the_published_weights_are_converted():
    """By the sums of the authors' code, for points that are all off by one pixel of theirs to the right."""
    published = CoarseConfig.published()
    pixel = 224 / 300
    weights = torch.ones(86)
    for points, weight in (
        ((1, 4, 8, 12, 15), 2.0),
        ((35, 38, 43, 46, 59, 60, 63, 66, 70), 5.0),
        ((41, 42, 49, 50), 15.0),
        ((68, 71, 79, 82), 10.0),
    ):
        weights[list(points)] = weight
    errors = torch.zeros(86, 2)
    errors[:, 0] = 1.0
    theirs = (errors.square() * weights[:, None]).mean()
    assert published.landmarks * pixel**2 == pytest.approx(float(theirs), rel=1e-6)
    # Of 18 points of the outline, the last lies on a brow; ours are 17.
    theirs = 0.5 * errors[:17].square().mean(dim=1).sum() / 18
    assert published.contour * pixel**2 == pytest.approx(float(theirs), rel=1e-6)
    assert published.photometric * (10 / 255) == pytest.approx(10)
    assert published.contour_limit * 224 == pytest.approx(7)
    assert (published.silhouette, published.perceptual) == ("count", 0.8)
    priors = published.identity_gaussian, published.expression_gaussian, published.albedo_prior
    assert priors == (3.0, 10.0, 1.0)
    assert not any(published.supervision.term_weights[name] for name in ("dense", "rotation", "shape"))


def test_the_published_form_takes_a_step_and_has_priors_everywhere():
    names = ("landmarks", "contour", "contour_focus", "silhouette", "photometric", "perceptual", "albedo",
             "light", "albedo_prior", "white_light", "identity_gaussian", "expression_gaussian")  # fmt: skip
    published = {name: getattr(CoarseConfig.published(), name) for name in names}
    nothing = dataclasses.replace(SupervisionConfig.nothing(), dense_points=40)
    method = small_coarse(BrightnessEncoder(), supervision=nothing, **published)
    result = told(method, view_outputs(2, seed=8).flatten(0, 1).requires_grad_()).step(weak_batch())
    result.total["regressor"].backward()
    assert result.total["regressor"].isfinite()
    # Synthetic heads, whose albedo is known, are told nothing: the prior is theirs too.
    assert result.terms["albedo_prior"] > 0
    assert result.terms["albedo"] == 0


def test_silhouettes_of_the_region_lie_at_its_outline():
    method, batch = small_coarse(), weak_batch(count=1)
    output = batch.outputs.flatten(0, 1)
    coefficients, _ = method.layout.decode(output, VIEW_PX)
    verts = method.mesh.shape(coefficients.identity, coefficients.expression)
    normals_z = (
        torch.linalg.cross(
            verts[:, method.mesh.faces[:, 1]] - verts[:, method.mesh.faces[:, 0]],
            verts[:, method.mesh.faces[:, 2]] - verts[:, method.mesh.faces[:, 0]],
        )
        @ coefficients.rotation[:, 2, :, None]
    )
    front = normals_z[..., 0] < 0
    found = silhouette_vertices(front, method.mesh.faces, verts.shape[1])
    # Of faces that are turned aside, on the side that is turned away.
    assert found[0].any()
    assert found[2].any()


def test_impossible_configurations_are_refused():
    with pytest.raises(ConfigError, match="contour_limit above 0 and at most 1"):
        CoarseConfig(contour_limit=0.0)
    with pytest.raises(ConfigError, match="render_px of 16 to view_px"):
        CoarseConfig(render_px=300)
