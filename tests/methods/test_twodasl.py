"""2DASL: what its step computes, that every term reaches the network, and that it learns at all."""

import dataclasses

import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_packs import SETS, batch_of, small_method, small_twodasl
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.facemodel.fitting import project_points
from monoface.methods.supervision import SupervisionConfig
from monoface.methods.twodasl import MapTrainingConfig, TwoDasl, TwoDaslConfig
from monoface.networks import LandmarkMapConfig, ResNetConfig, add_input_channel, with_landmark_map

SELF_TERMS = ("consistency_2d", "consistency_3d", "cycle", "self_critic")


@pytest.fixture
def method():
    return small_twodasl()


def adam_step(method, batch, optimisers):
    """What the training loop does with a step's result."""
    result = method.step(batch)
    for name, total in result.total.items():
        optimisers[name].zero_grad()
        total.backward()
        optimisers[name].step()
    return {name: float(total.detach()) for name, total in result.total.items()}, result.terms


def test_it_learns_a_batch_by_heart_with_all_terms(method, maker):
    batch = maker.sample(0, 0, 8)
    optimisers = {name: torch.optim.Adam(net.parameters(), lr=3e-3) for name, net in method.networks.items()}
    history = [adam_step(method, batch, optimisers) for _ in range(80)]
    assert history[-1][0]["regressor"] < history[0][0]["regressor"] / 4
    for name in ("dense", "second_dense", "coefficients", "gaps", "consistency_2d", "cycle"):
        assert history[-1][1][name] < history[0][1][name] / 2, name
    assert history[0][1].keys() >= {*SELF_TERMS, "critic"}


def test_it_starts_as_the_network_without_a_map(maker):
    simple, method = small_method(), small_twodasl()
    method.regressor.load_state_dict(add_input_channel(simple.regressor.state_dict()))
    batch = maker.sample(0, 3, 6)
    image = with_landmark_map(batch.image, method.known_landmarks(batch), method.config.flm)
    assert image[:, 3].amax(dim=(1, 2)).gt(0.5).all()
    for network in (simple.regressor.train(), method.regressor.train()):
        network.zero_grad()
    for mine, theirs in zip(method.regressor(image), simple.regressor(batch.image), strict=True):
        assert_close(mine, theirs, rtol=1e-5, atol=1e-6)
    terms, before = method.step(batch).terms, simple.step(batch).terms
    assert {name: terms[name] for name in before} == pytest.approx(before, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("pack", [0, 1])
def test_gradients_are_finite_and_reach_every_weight(method, maker, pack):
    for name, total in method.step(batch_of(maker, pack)).total.items():
        method.networks[name].zero_grad()
        total.backward()
        for place, parameter in method.networks[name].named_parameters():
            assert parameter.grad is not None, place
            assert parameter.grad.isfinite().all(), place


def test_the_total_is_the_weighted_sum_of_the_terms(method, maker):
    result = method.step(maker.sample(0, 0, 6))
    weights = method.term_weights
    expected = sum(weights[name] * value for name, value in result.terms.items() if name != "critic")
    assert float(result.total["regressor"].detach()) == pytest.approx(expected, rel=1e-4)


def test_true_coefficients_leave_no_error(method, maker, monkeypatch):
    batch = batch_of(maker, 0)
    method = small_twodasl(cycle_share=1.0)

    def forward(image):
        return batch.outputs, torch.zeros(len(image))

    monkeypatch.setattr(method.regressor, "forward", forward)
    terms = method.step(batch).terms
    for name in (
        "dense",
        "coefficients",
        "gaps",
        "consistency_2d",
        "consistency_3d",
        "cycle",
        "second_dense",
    ):
        assert terms[name] == pytest.approx(0, abs=1e-3), name


def test_geometry_keeps_its_precision_under_autocast(maker):
    method = small_twodasl(self_critic=0.0)
    batch = batch_of(maker, 0)
    output = batch.outputs + 0.05
    method.regressor.forward = lambda image: (output[: len(image)], torch.zeros(len(image)))
    exact = method.step(batch).terms
    with torch.autocast("cpu", torch.bfloat16):
        mixed = method.step(batch).terms
    assert mixed == exact


def test_the_second_look_has_the_landmarks_found_first(maker, monkeypatch):
    method = small_twodasl(cycle_share=1.0, maps=MapTrainingConfig(empty=1.0))
    batch = maker.sample(0, 0, 4)
    seen, forward = [], method.regressor.forward

    def watched(image):
        seen.append((image.detach().clone(), method.regressor.training))
        return forward(image)

    monkeypatch.setattr(method.regressor, "forward", watched)
    method.regressor.train()
    method.step(batch)
    (first, first_training), (second, second_training) = seen
    assert not first[:, 3].any()
    assert (first_training, second_training) == (True, False)
    assert method.regressor.training
    with torch.no_grad():
        method.regressor.train()
        found = method.supervision.decode(forward(first)[0])
    basis = method.known_landmarks.basis
    points = project_points(basis, found.coefficients, found.camera)
    assert_close(second, with_landmark_map(batch.image, points, method.config.flm), rtol=1e-3, atol=1e-3)


def test_the_second_look_leaves_running_statistics_alone(maker):
    once, twice = small_twodasl(cycle_share=0.0), small_twodasl(cycle_share=1.0)
    batch = maker.sample(0, 0, 4)
    for method in (once, twice):
        method.regressor.train()
        method.step(batch)
    for (name, first), second in zip(once.regressor.named_buffers(), twice.regressor.buffers(), strict=True):
        assert_close(first, second, msg=name)


def test_parts_of_a_batch_have_the_whole_for_their_mean(maker):
    """What several processes average. Batch statistics aside, which they exchange."""
    method = small_twodasl()
    batch = maker.sample(0, 0, 8)
    method.regressor.eval()
    whole = method.step(batch)
    halves = [method.step(batch[rows]) for rows in torch.arange(8).chunk(2)]
    for name, value in whole.terms.items():
        mean = sum(half.terms[name] for half in halves) / 2
        assert mean == pytest.approx(value, rel=1e-4, abs=1e-6), name


def test_a_batch_of_which_nothing_is_looked_at_twice_still_has_all_terms(maker):
    method = small_twodasl(cycle_share=1e-9, critic_share=1e-9)
    result = method.step(maker.sample(0, 0, 4))
    assert result.terms["cycle"] == result.terms["second_dense"] == result.terms["critic"] == 0
    for name, total in result.total.items():
        total.backward()
        assert all(parameter.grad is not None for parameter in method.networks[name].parameters())


def test_the_critic_gets_no_gradient_from_what_deceives_it(method, maker):
    method.step(maker.sample(0, 0, 6)).total["regressor"].backward()
    assert all(parameter.grad is None for parameter in method.critic.parameters())
    assert all(parameter.requires_grad for parameter in method.critic.parameters())


def test_the_regressor_gets_no_gradient_from_the_critics_loss(method, maker):
    method.step(maker.sample(0, 0, 6)).total["critic"].backward()
    assert all(parameter.grad is None for parameter in method.regressor.parameters())


def test_the_critic_comes_to_tell_true_from_predicted(maker):
    """With a regressor that does not learn, the critic has an easy time."""
    method = small_twodasl(critic_share=1.0)
    batch = maker.sample(0, 0, 12)
    adam = torch.optim.Adam(method.critic.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        total = method.step(batch).total["critic"]
        adam.zero_grad()
        total.backward()
        adam.step()
        losses.append(float(total.detach()))
    assert losses[-1] < losses[0] / 4


def test_published_critics_judge_unlabelled_samples_only(maker):
    method = small_twodasl(critic_share=1.0, critic_on_labelled=False, game="minimax")
    assert method.step(batch_of(maker, 0)).terms["self_critic"] == 0
    assert method.step(batch_of(maker, 1)).terms["self_critic"] < 0


def test_the_second_stage_knows_posed_vertices_alone(maker):
    method = small_twodasl(stage="vdc")
    assert list(method.networks) == ["regressor"]
    terms = method.step(batch_of(maker, 0)).terms
    assert terms.keys() == {"vdc", "log_error", "second_vdc", "second_log_error"}
    assert terms["vdc"] > 0
    assert method.step(batch_of(maker, 1)).terms["vdc"] == 0


def test_vdc_by_hand(maker, monkeypatch):
    """A face shifted by (3, 4) pixels is 5 pixels off everywhere."""
    method = small_twodasl(stage="vdc", cycle_share=0.0)
    batch = batch_of(maker, 0)
    shifted = batch.outputs.clone()
    shifted[:, -2:] += torch.tensor([3.0, 4.0]) / (method.layout.SHIFT_PER_SIZE * 32)
    monkeypatch.setattr(method.regressor, "forward", lambda image: (shifted, torch.zeros(len(image))))
    assert method.step(batch).terms["vdc"] == pytest.approx(25, rel=1e-4)


def test_a_shut_eye_is_told_from_an_open_one_whatever_the_set(maker):
    method = small_twodasl()
    batch = batch_of(maker, 0)
    posed = method.supervision.decode(batch.outputs)
    nothing = {name: torch.full_like(points, torch.nan) for name, points in batch.points_px.items()}
    for points_px in (batch.points_px, nothing):
        known = dataclasses.replace(batch, points_px=points_px)
        assert_close(method._gaps(posed, known), torch.zeros(3), atol=1e-4, rtol=0)
    # The synthetic head's smiles move lips apart; its random dense points lie anywhere on the face.
    raw = batch.outputs.clone()
    raw[:, method.layout.identity + 2] = 1 - raw[:, method.layout.identity + 2]
    changed = method.supervision.decode(raw)
    assert (method._gaps(changed, dataclasses.replace(batch, points_px=nothing)) > 1e-3).all()
    unknown = dataclasses.replace(batch, points_px=nothing, labelled=torch.zeros(3, dtype=torch.bool))
    assert not method._gaps(changed, unknown).any()


def test_published_weights_and_network():
    config = TwoDaslConfig.published()
    method = TwoDasl(synthetic_head(), dataclasses.replace(config, crop_px=33))
    weights = method.term_weights
    assert weights["coefficients"] == 62
    assert weights["consistency_2d"] == pytest.approx(0.005 / 18)
    assert weights["cycle"] == pytest.approx(1 / 18)
    assert (weights["consistency_3d"], weights["self_critic"]) == (0.005, 0.005)
    named = {"coefficients", "consistency_2d", "consistency_3d", "cycle", "self_critic", "log_error", "vdc"}
    assert not any(weight for name, weight in weights.items() if name not in named)
    assert config.flm == LandmarkMapConfig("hard", outside="clip")
    assert config.critic.sees == "image"
    backbone = method.regressor.backbone
    assert backbone.stem[0].in_channels == 4
    features = backbone.stages(backbone.stem(torch.zeros(1, 4, 33, 33)))
    # Three strides of 2 after a stem of 4: 33, 9, 5, 3, and 3 again where the usual network has 2.
    assert features.shape == (1, 2048, 3, 3)


def test_batches_carry_what_maps_need():
    assert set(small_twodasl(supervision=SupervisionConfig.nothing()).set_names) == set(SETS)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"backbone": ResNetConfig()}, "expected a backbone of 4 input channels .* got 3"),
        ({"cycle_share": 1.5}, "expected a cycle_share in 0..1, got 1.5"),
        ({"critic_share": -0.1}, "expected a critic_share in 0..1"),
    ],
)
def test_impossible_configurations_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        TwoDaslConfig(**wrong)


def test_networks_move_to_a_device_and_are_named(method):
    assert method.to(torch.device("cpu")) is method
    assert list(method.networks) == ["regressor", "critic"]
    assert list(small_twodasl(self_critic=0.0).networks) == ["regressor"]
