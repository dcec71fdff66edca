"""MGCNet: it learns, right answers leave no error, and each term reaches what it should and no more."""

import dataclasses

import pytest
import torch
from synthetic_views import (
    BrightnessEncoder,
    losses_by_heart,
    small_mgcnet,
    told,
    view_batch,
    view_layout,
    view_outputs,
)
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.methods.mgcnet import MgcnetConfig, ViewTermsConfig
from monoface.methods.mgcnet.shared_views import shared_over_views
from monoface.methods.rendered_faces import reduced
from monoface.networks import IdentityNetwork, IdentityNetworkConfig

VIEW_TERMS = ("shared_points", "agreement", "albedo_agreement", "pixel", "depth", "epipolar")


def with_every_term(**changes):
    views = ViewTermsConfig(ssim=0.5)
    return small_mgcnet(
        BrightnessEncoder(),
        views=views,
        landmarks=0.1,
        identity_gaussian=0.1,
        expression_gaussian=0.1,
        **changes,
    )


def test_it_learns_a_batch_by_heart():
    losses = losses_by_heart(small_mgcnet(), view_batch())
    assert losses[-1] < losses[0] / 3


def test_the_total_is_the_weighted_sum_of_the_terms():
    method = with_every_term()
    result = method.step(view_batch())
    weights = method.config.term_weights
    assert result.terms.keys() <= weights.keys()
    expected = sum(weights[name] * value for name, value in result.terms.items())
    assert float(result.total["regressor"].detach()) == pytest.approx(expected, rel=1e-4)


def test_right_answers_leave_no_error():
    batch = view_batch()
    terms = told(small_mgcnet(render_px=48), batch.outputs.flatten(0, 1)).step(batch).terms
    for name in ("dense", "shape", "rotation", "identity", "albedo", "light", "epipolar", "agreement"):
        assert terms[name] == pytest.approx(0, abs=2e-3), name
    # The region that is drawn has its own normals at its border, and views sample between pixels.
    assert terms["photometric"] < 0.01
    assert terms["depth"] < 0.3
    assert terms["pixel"] < 0.03


@pytest.mark.parametrize("name", ["photometric", "perceptual", "albedo", "white_light", *VIEW_TERMS, "ssim"])
def test_each_term_reaches_the_network_with_finite_gradients(name):
    method = with_every_term()
    batch = view_batch(lit=name == "albedo")
    output = (batch.outputs.flatten(0, 1) + 0.1 * torch.randn(6, view_layout().size)).requires_grad_()
    told(method, output)
    gradient = gradient_of(method, name, batch, output)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


def gradient_of(method, name, batch, output):
    """Gradient of one term's mean to the outputs."""
    photo = batch.image.flatten(0, 1)
    terms = method.terms(output, torch.zeros(len(output)), photo, batch)
    return torch.autograd.grad(terms[name].mean(), output)[0]


def test_the_mean_of_identities_is_what_annotated_points_are_held_against():
    batch, layout = view_batch(), view_layout()
    right = batch.outputs.clone()
    apart = right.clone()
    apart[:, 0, : layout.identity] += 0.8
    apart[:, 2, : layout.identity] -= 0.8
    wrong = right.clone()
    wrong[..., : layout.identity] += 0.8
    points = [
        told(small_mgcnet(), output.flatten(0, 1)).step(batch).terms["shared_points"]
        for output in (right, apart, wrong)
    ]
    assert points[:2] == pytest.approx([0, 0], abs=2e-3)
    assert points[2] > 0.1


def test_an_encoder_teaches_identity_and_albedo_and_learns_nothing():
    torch.manual_seed(2)
    shape = IdentityNetworkConfig(size_px=32, blocks=(1, 1, 1), width=0.125, parts=16)
    encoder = IdentityNetwork(shape).eval().requires_grad_(False)
    method, batch, layout = small_mgcnet(encoder), view_batch(), view_layout()
    output = view_outputs(2, seed=8).flatten(0, 1).requires_grad_()
    gradient = gradient_of(told(method, output), "perceptual", batch, output)
    assert gradient.isfinite().all()
    for part in (
        slice(0, layout.identity),
        slice(layout.geometry_size, layout.geometry_size + layout.albedo),
    ):
        assert gradient[:, part].abs().amax(dim=1).min() > 0
    # Pose and light are each view's own, and only the target is looked at.
    assert not gradient[::3, layout.identity : layout.geometry_size].any()
    assert all(value.grad is None for value in encoder.parameters())


def test_epipolar_lines_teach_the_pose_alone():
    batch, layout = view_batch(), view_layout()
    output = (view_outputs(2, seed=8)).flatten(0, 1).requires_grad_()
    gradient = gradient_of(told(small_mgcnet(), output), "epipolar", batch, output)
    pose = slice(layout.identity + layout.expression, layout.geometry_size)
    assert gradient[:, pose].abs().max() > 0
    rest = gradient.clone()
    rest[:, pose] = 0
    assert not rest.any()


def test_samples_of_several_people_are_not_compared():
    output = view_outputs(2, seed=8).flatten(0, 1)
    output[::3, 0] += 1.0
    terms = told(small_mgcnet(), output).step(view_batch(gate=0)).terms
    assert [terms[name] for name in VIEW_TERMS] == [0.0] * len(VIEW_TERMS)
    terms = told(small_mgcnet(), output).step(view_batch(gate=1)).terms
    assert terms["epipolar"] == 0
    assert min(terms[name] for name in ("agreement", "pixel", "depth")) > 0


def test_gates_concern_samples_one_by_one():
    output = view_outputs(2, seed=8).flatten(0, 1)
    both = told(small_mgcnet(), output).step(view_batch()).terms
    batch = dataclasses.replace(view_batch(), gate=torch.tensor([2, 0]))
    first = told(small_mgcnet(), output).step(batch).terms
    batch = dataclasses.replace(view_batch(), gate=torch.tensor([0, 2]))
    second = told(small_mgcnet(), output).step(batch).terms
    for name in VIEW_TERMS:
        assert first[name] + second[name] == pytest.approx(both[name], rel=1e-4), name


def test_without_view_terms_views_are_single_photos():
    output = view_outputs(2, seed=8).flatten(0, 1)
    alone = told(small_mgcnet(multi_view=False), output).step(view_batch(gate=2)).terms
    unrelated = told(small_mgcnet(), output).step(view_batch(gate=0)).terms
    assert not alone.keys() & {*VIEW_TERMS, "ssim"}
    for name, value in alone.items():
        assert value == pytest.approx(unrelated[name], rel=1e-5), name


def test_photos_are_known_less_well_than_drawn_heads():
    terms = told(small_mgcnet(), view_outputs(2, seed=8).flatten(0, 1)).step(view_batch(lit=False)).terms
    assert terms["albedo"] == terms["light"] == 0
    assert min(terms["albedo_prior"], terms["white_light"], terms["dense"]) > 0


def test_labels_of_photos_know_no_perspective():
    batch = view_batch(lit=False)
    output = batch.outputs.flatten(0, 1)
    weak = told(small_mgcnet(focal_per_size=None), output).step(batch).terms["dense"]
    pinhole = told(small_mgcnet(), output).step(batch).terms["dense"]
    assert weak == pytest.approx(0, abs=1e-4)
    assert pinhole > 0.02


def test_known_cameras_explain_their_pictures():
    batch = view_batch()
    near = dataclasses.replace(batch, focal_per_size=torch.full_like(batch.focal_per_size, 4.0))
    output = batch.outputs.flatten(0, 1)
    # Prediction and truth are seen by one camera, whichever it is; but it did not draw the pictures.
    terms = [told(small_mgcnet(render_px=48), output).step(one).terms for one in (batch, near)]
    assert terms[1]["dense"] == pytest.approx(0, abs=1e-4)
    assert terms[1]["photometric"] > 3 * terms[0]["photometric"]


def test_one_person_is_told_one_identity():
    batch = view_batch(lit=False)
    outputs = batch.outputs.clone()
    outputs[:, 0, 0] += 0.9
    batch = dataclasses.replace(batch, outputs=outputs)
    mean = outputs.clone()
    mean[..., 0] = outputs[..., 0].mean(dim=1, keepdim=True)
    assert told(small_mgcnet(), mean.flatten(0, 1)).step(batch).terms["identity"] == pytest.approx(
        0, abs=1e-6
    )
    own = small_mgcnet(views=ViewTermsConfig(shared_labels=False))
    assert told(own, outputs.flatten(0, 1)).step(batch).terms["identity"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("shared", "expected"), [("none", (1, 2, 6)), ("target", (2, 2, 2)), ("mean", (3, 3, 3))]
)
def test_what_views_share(shared, expected):
    values = torch.tensor([[[1.0], [2.0], [6.0]], [[1.0], [2.0], [6.0]]])
    found = shared_over_views(values, torch.tensor([True, False]), shared)
    assert_close(found[0, :, 0], torch.tensor(expected, dtype=torch.float32))
    assert torch.equal(found[1], values[1])


def test_pictures_are_reduced_without_a_shift():
    ramp = torch.arange(12.0).expand(1, 1, 12, 12)
    for size in (12, 6, 8):
        across = reduced(ramp, size)[0, 0, 0]
        expected = (torch.arange(size) + 0.5) * 12 / size - 0.5
        assert_close(across[1:-1], expected[1:-1], atol=0.05, rtol=0)


def test_the_published_form():
    published = MgcnetConfig.published()
    assert published.input_px == published.render_px == published.view_px == 224
    assert published.focal_per_size * 224 == pytest.approx(4700)
    views = published.views
    assert (views.essential, views.depth_form, views.gating) == ("published", "published", "outer_product")
    assert (views.covisibility, views.clamped_sampling, views.shared) == ("vertices_leaking", True, "none")
    weights = published.term_weights
    assert weights["photometric"] == 1.9
    assert weights["landmarks"] == pytest.approx(2e-3)
    assert weights["pixel"] == 0.15
    assert weights["dense"] == weights["agreement"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"essential": "published"},
        {"depth_form": "published"},
        {"covisibility": "vertices_leaking", "clamped_sampling": True},
        {"gating": "outer_product"},
    ],
)
def test_each_published_defect_changes_a_term_of_right_or_mixed_answers(change):
    batch = dataclasses.replace(view_batch(), gate=torch.tensor([2, 0]))
    output = batch.outputs.flatten(0, 1).clone()
    output[3:, 0] += 1.0
    terms = [
        told(small_mgcnet(render_px=48, views=views), output).step(batch).terms
        for views in (ViewTermsConfig(), ViewTermsConfig(**change))
    ]
    differences = [abs(terms[0][name] - terms[1][name]) for name in VIEW_TERMS]
    assert max(differences) > 1e-3


def test_the_published_form_takes_a_step():
    changes = {
        name: getattr(MgcnetConfig.published(), name)
        for name in ("supervision", "landmarks", "photometric", "albedo_prior", "identity_gaussian", "views")
    }
    changes["supervision"] = dataclasses.replace(changes["supervision"], dense_points=40)
    method = small_mgcnet(**changes)
    total = method.step(view_batch()).total["regressor"]
    total.backward()
    assert total.isfinite()


def test_geometry_keeps_its_precision_under_autocast():
    batch = view_batch()
    output = view_outputs(2, seed=8).flatten(0, 1)
    method = told(small_mgcnet(), output)
    exact = method.step(batch).terms
    with torch.autocast("cpu", torch.bfloat16):
        mixed = method.step(batch).terms
    assert mixed == exact


def test_it_moves_to_a_device_and_names_its_networks_and_sets():
    method = with_every_term()
    assert method.to(torch.device("cpu")) is method
    assert list(method.networks) == ["regressor"]
    assert set(method.set_names) == {"aflw21", "facemesh468", "ibug68_contour"}


def test_impossible_configurations_are_refused():
    with pytest.raises(ConfigError, match=r"render_px of 16 to view_px, got \(120, 300\)"):
        MgcnetConfig(render_px=300)
    with pytest.raises(ConfigError, match="clamped_sampling goes with covisibility by vertices"):
        ViewTermsConfig(clamped_sampling=True)
