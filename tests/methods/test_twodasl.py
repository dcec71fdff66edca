"""2DASL: what its step computes, that every term reaches the network, and that it learns at all."""

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_packs import SETS, labelled_samples, landmark_samples, small_method, small_twodasl
from torch.testing import assert_close

from monoface.data.augment import plan_crops
from monoface.data.batches import BatchMaker
from monoface.data.packs import CANVAS_PX, FACE_PX
from monoface.networks import add_input_channel, with_landmark_map

SELF_TERMS = ("consistency_2d", "consistency_3d", "cycle", "self_critic")


@pytest.fixture
def method():
    return small_twodasl()


@pytest.fixture(scope="module")
def maker():
    labelled = labelled_samples()
    packs = [labelled, landmark_samples(labelled)]
    return BatchMaker(packs, {"labelled": 1.0, "landmarks": 1.0}, synthetic_head(), SETS, crop_px=32)


def batch_of(maker, pack, count=3):
    plan = plan_crops(np.random.default_rng(0), count, CANVAS_PX, FACE_PX, maker.crop_px, None)
    return maker.assemble(np.full(count, pack), np.arange(count), plan)


def adam_step(method, batch, optimisers):
    """What the training loop does with a step's result."""
    result = method.step(batch)
    for name, total in result.total.items():
        optimisers[name].zero_grad()
        total.backward()
        optimisers[name].step()
    return {name: float(total.detach()) for name, total in result.total.items()}, result.terms


def test_it_learns_a_batch_by_heart_with_all_terms(method, maker):
    batch = maker.draw(0, 0, 8)
    optimisers = {name: torch.optim.Adam(net.parameters(), lr=3e-3) for name, net in method.networks.items()}
    history = [adam_step(method, batch, optimisers) for _ in range(80)]
    assert history[-1][0]["regressor"] < history[0][0]["regressor"] / 4
    for name in ("dense", "second_dense", "coefficients", "gaps", "consistency_2d", "cycle"):
        assert history[-1][1][name] < history[0][1][name] / 2, name
    assert history[0][1].keys() >= {*SELF_TERMS, "critic"}


def test_it_starts_as_the_network_without_a_map(maker):
    simple, method = small_method(), small_twodasl()
    method.regressor.load_state_dict(add_input_channel(simple.regressor.state_dict()))
    batch = maker.draw(0, 3, 6)
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
