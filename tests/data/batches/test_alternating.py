"""Steps of photos and steps of views, by turns."""

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_packs import SETS, labelled_samples

from monoface.core.errors import ConfigError
from monoface.data.batches.alternating import AlternatingBatches
from monoface.data.batches.photo_batch import BatchMaker
from monoface.data.batches.view_batch import MultiViewBatch, MultiViewBatchMaker
from monoface.data.synthetic.head_views import HeadViewsConfig, head_views
from monoface.data.synthetic.heads import HeadsConfig
from monoface.facemodel.coefficients import white_light

EVERY = 4


@pytest.fixture(scope="module")
def makers():
    head = synthetic_head()
    photos = BatchMaker([labelled_samples()], {"labelled": 1.0}, head, SETS, crop_px=32)
    heads = HeadViewsConfig(heads=HeadsConfig(count=3, max_yaw_deg=30.0), changing=0.0)
    pack = head_views(head, np.zeros((0, 8, 8, 3), np.uint8), heads)
    light = white_light(torch.zeros(()))
    return photos, MultiViewBatchMaker([pack], {"heads": 1.0}, head, SETS, white_light=light, crop_px=48)


@pytest.fixture(scope="module")
def source(makers):
    return AlternatingBatches(*makers, EVERY, 0.75)


def test_one_of_so_many_steps_sees_views(source):
    kinds = [isinstance(source.sample(0, step, 8), MultiViewBatch) for step in range(32)]
    assert [sum(kinds[start : start + EVERY]) for start in range(0, 32, EVERY)] == [1] * 8
    # Whoever looks at every eighth step sees both kinds.
    assert {isinstance(source.sample(0, step, 8), MultiViewBatch) for step in range(7, 64, 8)} == {
        True,
        False,
    }


def step_of(source, views):
    """The first step of a kind."""
    return next(step for step in range(32) if isinstance(source.sample(0, step, 8), MultiViewBatch) == views)


def test_batches_are_those_of_their_makers(source, makers):
    photos, views = makers
    alone, together = step_of(source, False), step_of(source, True)
    assert torch.equal(source.sample(3, alone, 8).image, photos.sample(3, alone, 8).image)
    assert torch.equal(source.sample(3, together, 8).image, views.sample(3, together, 2).image)
    assert torch.equal(source.sample(3, together, 8).image, source.sample(3, together, 8).image)


@pytest.mark.parametrize("views", [False, True])
def test_parts_are_those_of_the_whole(source, views):
    step = step_of(source, views)
    parts = [source.sample(1, step, 8, slice(start, start + 4)) for start in (0, 4)]
    whole = source.sample(1, step, 8)
    joined = torch.cat([part.image for part in parts])
    assert torch.equal(joined, whole.image)
    assert len(joined) == (2 if views else 8)


def test_impossible_turns_are_refused(makers):
    with pytest.raises(ConfigError, match="at least 2 steps"):
        AlternatingBatches(*makers, 1, 0.5)
    with pytest.raises(ConfigError, match="share of pictures above 0"):
        AlternatingBatches(*makers, 4, 0.0)
