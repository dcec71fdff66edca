"""The flagship: both kinds of steps, each system's terms, and that it learns at all."""

import dataclasses

import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_packs import batch_of, labelled_samples, landmark_samples, small_monoface
from synthetic_views import VIEW_PX, BrightnessEncoder, view_batch
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.data.batches.photo_batch import BatchMaker
from monoface.data.packs.photo_pack import FACE_PX
from monoface.facemodel.fitting import project_points
from monoface.methods.monoface import Monoface, MonofaceConfig, OpeningConfig
from monoface.networks import Regressed, ResNetConfig

OF_2DASL = {"consistency_2d", "consistency_3d", "cycle", "self_critic", "coefficients", "second_dense"}
OF_MGCNET = {"agreement", "shared_points", "pixel", "depth", "epipolar", "photometric"}
OF_DETAIL = {"coarse_photometric", "coarse_landmarks", "coarse_contour"}


@pytest.fixture
def method():
    return small_monoface()


@pytest.fixture(scope="module")
def maker():
    labelled = labelled_samples()
    packs = [labelled, landmark_samples(labelled)]
    names = small_monoface().set_names
    return BatchMaker(packs, {"labelled": 1.0, "landmarks": 1.0}, synthetic_head(), names, crop_px=32)


def adam_step(method, batch, optimisers):
    """What the training loop does with a step's result."""
    result = method.step(batch)
    for name, total in result.total.items():
        optimisers[name].zero_grad()
        total.backward()
        optimisers[name].step()
    return float(result.total["regressor"].detach()), result.terms


def by_heart(method, batch, steps):
    optimisers = {name: torch.optim.Adam(net.parameters(), lr=3e-3) for name, net in method.networks.items()}
    return [adam_step(method, batch, optimisers) for _ in range(steps)]


def views(**changes):
    """A batch of views under weak perspective, with all the sets that the flagship wants."""
    batch = view_batch(2, focal_per_size=None, **changes)
    unmarked = torch.full((2, 3, 68, 2), torch.nan)
    points = {**batch.points_px, "ibug68_reannotated": unmarked, "ibug68": unmarked}
    return dataclasses.replace(batch, points_px={**points, "jaw17": unmarked[:, :, :17]})


def told(method, output, points=None):
    """The method with a network that puts out given vectors; its points lie in the middle."""
    count = len(method._points.points)
    known = torch.full((len(output), count, 3), 0.5) if points is None else points
    method.regressor.regress = lambda image: Regressed(
        output[: len(image)], torch.zeros(len(image)), known[: len(image)]
    )
    return method


def test_it_learns_photos_by_heart(method, maker):
    history = by_heart(method, maker.sample(0, 0, 8), 60)
    first, last = history[0][1], history[-1][1]
    assert history[-1][0] < history[0][0] / 3
    for name in ("dense", "openings", "points", "consistency_2d", "second_dense"):
        assert last[name] < 0.7 * first[name] or last[name] < first[name] - 1, name
    assert first.keys() >= {*OF_2DASL, "critic"}


def test_it_learns_views_by_heart():
    history = by_heart(small_monoface(encoder=BrightnessEncoder()), views(), 25)
    assert history[-1][0] < history[0][0] / 2
    assert history[0][1].keys() >= OF_MGCNET | OF_DETAIL | {
        "perceptual",
        "coarse_perceptual",
        "albedo",
        "light",
    }


@pytest.mark.parametrize("pack", [0, 1])
def test_gradients_of_photos_are_finite(method, maker, pack):
    for name, total in method.step(batch_of(maker, pack)).total.items():
        method.networks[name].zero_grad()
        total.backward()
        for place, parameter in method.networks[name].named_parameters():
            assert parameter.grad is not None, place
            assert parameter.grad.isfinite().all(), place


@pytest.mark.parametrize("labelled", [True, False])
def test_gradients_of_views_are_finite(method, labelled):
    method.step(views(labelled=labelled)).total["regressor"].backward()
    for place, parameter in method.regressor.named_parameters():
        assert parameter.grad is not None, place
        assert parameter.grad.isfinite().all(), place


def test_the_total_is_the_weighted_sum_of_the_terms(method, maker):
    for batch in (maker.sample(0, 0, 6), views()):
        result = method.step(batch)
        weights = method.term_weights
        expected = sum(weights[name] * value for name, value in result.terms.items() if name != "critic")
        assert float(result.total["regressor"].detach()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("system", "terms"), [("twodasl", OF_2DASL), ("mgcnet", OF_MGCNET), ("detail", OF_DETAIL)]
)
def test_each_system_can_be_left_out(system, terms, maker):
    whole, part = small_monoface(), small_monoface(**{system: False})
    for batch in (maker.sample(0, 0, 6), views()):
        every, left = whole.step(batch).terms, part.step(batch).terms
        gone = every.keys() - left.keys() - {"critic"}
        assert left.keys() <= every.keys()
        assert all(name.startswith("second_") or name in terms | {"albedo_agreement"} for name in gone)
    assert not terms & left.keys()
    assert part.networks.keys() == ({"regressor"} if system == "twodasl" else {"regressor", "critic"})


def test_true_coefficients_leave_no_error(method, maker):
    batch = batch_of(maker, 0)
    output = torch.cat((batch.outputs, torch.zeros(3, method.layout.size - batch.outputs.shape[1])), dim=1)
    terms = told(method, output).step(batch).terms
    for name in ("dense", "neutral", "openings", "shape", "coefficients", "consistency_2d"):
        assert terms[name] == pytest.approx(0, abs=2e-3), name


def test_neutral_faces_differ_by_shape_alone(method, rng):
    """Neither size nor place counts, and one sample has nothing to do with another."""
    identity = torch.randn(4, method.layout.identity, generator=rng)
    distance = method._neutral(identity, identity.flip(0))
    assert (distance > 0.01).all()
    assert_close(method._neutral(identity[:1], identity[3:]), distance[:1])
    assert_close(method._neutral(identity, identity), torch.zeros(4), rtol=0, atol=1e-4)
    basis = method._neutral.basis
    assert basis.mean_mm.shape == (40, 3)
    assert (basis.mean_mm[:, 2] > 20).all()


def test_people_count_by_the_trust_in_their_labels(method, maker):
    batch = batch_of(maker, 0)
    output = torch.zeros(3, method.layout.size)
    trusted = told(method, output).step(batch).terms
    doubted = method.step(dataclasses.replace(batch, trust=torch.tensor([0.5, 0.5, 0.5]))).terms
    unknown = method.step(dataclasses.replace(batch, trust=torch.zeros(3))).terms
    drawn = dataclasses.replace(batch, trust=torch.zeros(3), synthetic=torch.ones(3, dtype=torch.bool))
    for name in ("neutral", "shape", "identity"):
        assert doubted[name] == pytest.approx(trusted[name] / 2, rel=1e-4)
        assert unknown[name] == 0
        assert method.step(drawn).terms[name] == pytest.approx(trusted[name])
    assert unknown["dense"] == trusted["dense"] > 0


def test_views_of_photos_do_not_tell_who_is_seen(method):
    batch = views()
    output = torch.zeros(6, method.layout.size)
    assert told(method, output).step(batch).terms["neutral"] > 0
    photos = dataclasses.replace(batch, synthetic=torch.zeros(2, 3, dtype=torch.bool))
    assert method.step(photos).terms["neutral"] == 0


def test_shut_eyes_and_wide_mouths_count_more():
    """Errors of 2 % of the face's size, in eyes that are open or shut, and a mouth at rest or wide open."""
    head = synthetic_head()
    module = small_monoface(opening=OpeningConfig(closed=3, wide=8, rare=3, smooth=0.01))._openings
    lids = ~module.is_mouth

    def weighted(opening):
        true = torch.full((1, len(lids)), float(opening))
        shut = (1 - true / 3).clamp(0, 1)
        wide = (true / 8 - 1).clamp(0, 1)
        return 1 + 3 * torch.where(module.is_mouth, wide, shut)

    assert weighted(0.0)[0, lids].eq(4).all()
    assert weighted(5.0)[0].eq(1).all()
    assert weighted(16.0)[0, module.is_mouth].eq(4).all()
    assert head.landmarks("ibug68_reannotated") is not None


def test_openings_are_signed_and_follow_the_face(method, maker):
    batch = batch_of(maker, 0)
    unmarked = dataclasses.replace(batch, points_px={})
    known = method.supervision.known(unmarked)
    output = torch.cat((batch.outputs, torch.zeros(3, method.layout.size - batch.outputs.shape[1])), dim=1)
    posed = method.supervision.decode(output)
    assert_close(method._openings(posed, known, unmarked), torch.zeros(3), rtol=0, atol=1e-3)
    # A marked mouth that is wider open than the known one: by so much is every other face wrong.
    pixels = 0.1 * method.config.crop_px / 2**0.5
    points = batch.points_px["facemesh468"].clone()
    down = -posed.coefficients.rotation[:, :2, 1]
    down = down / down.norm(dim=-1, keepdim=True)
    points[:, [178, 14, 402]] += pixels * down[:, None]
    wider = dataclasses.replace(batch, points_px={**batch.points_px, "facemesh468": points})
    assert (method._openings(posed, known, wider) > 0.5).all()
    unknown = dataclasses.replace(unmarked, labelled=torch.zeros(3, dtype=torch.bool))
    assert not method._openings(posed, known, unknown).any()


def test_points_are_compared_with_marks_then_with_known_faces(method, maker):
    batch = batch_of(maker, 0)
    known, surprise = method.supervision.known(batch), method._points
    marked_px = surprise.points.gathered(batch.points_px)
    told_px = project_points(surprise.basis, *known.posed)
    assert marked_px.isnan().any()
    true = marked_px.where(marked_px.isfinite(), told_px) / method.config.crop_px
    sure = torch.full((*true.shape[:2], 1), -4.0)
    right = surprise(torch.cat((true, sure), dim=-1), known, batch)
    wrong = surprise(torch.cat((true + 0.1, sure), dim=-1), known, batch)
    assert_close(right, torch.full((3,), -8.0))
    assert (wrong > right + 1).all()
    none = dataclasses.replace(batch, points_px={}, labelled=torch.zeros(3, dtype=torch.bool))
    assert not surprise(torch.cat((true, sure), dim=-1), known, none).any()


def test_untrained_points_are_those_of_the_mean_face(method, maker):
    batch = batch_of(maker, 0)
    stacked = torch.cat((batch.image, torch.zeros(3, 1, 32, 32)), dim=1)
    points = method.regressor.eval().regress(stacked).points
    mean = method.layout.decode(torch.zeros(1, method.layout.size), 32)
    expected = project_points(method._points.basis, *mean)[0] / 32
    assert_close(points[..., :2], expected.expand(3, -1, 2), rtol=0, atol=0.1)


def test_geometry_keeps_its_precision_under_autocast(maker):
    method = small_monoface(twodasl=False)
    batch = batch_of(maker, 0)
    told(method, torch.randn(3, method.layout.size, generator=torch.Generator().manual_seed(0)) * 0.1)
    exact = method.step(batch).terms
    with torch.autocast("cpu", torch.bfloat16):
        mixed = method.step(batch).terms
    assert mixed == exact


def test_parts_of_a_batch_have_the_mean_of_the_whole(method):
    batch = views()
    method.regressor.eval()
    whole = method.step(batch).terms
    parts = [method.step(batch[rows]).terms for rows in (slice(0, 1), slice(1, 2))]
    for name in ("coarse_photometric", "coarse_landmarks", "dense", "agreement"):
        assert sum(part[name] for part in parts) / 2 == pytest.approx(whole[name], rel=1e-4), name


def test_it_knows_the_sets_that_its_batches_need(method):
    assert {"aflw21", "facemesh468", "ibug68_contour", "ibug68_reannotated"} <= set(method.set_names)
    assert {"jaw17", "ibug68", *method.set_names} <= set(method.view_set_names)


def test_it_moves_to_a_device(method):
    assert method.to(torch.device("cpu")) is method
    assert isinstance(method, Monoface)
    assert VIEW_PX < FACE_PX


def test_impossible_configurations_are_refused():
    with pytest.raises(ConfigError, match="4 input channels"):
        MonofaceConfig(backbone=ResNetConfig(in_channels=3))
    with pytest.raises(ConfigError, match="detail_share above 0"):
        MonofaceConfig(detail_share=0.0)
    with pytest.raises(ConfigError, match="closed, wide and smooth above 0"):
        OpeningConfig(closed=0.0)
