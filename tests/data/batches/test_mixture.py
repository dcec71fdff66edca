"""Samples of single photos among samples of views."""

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_packs import SETS, labelled_samples
from synthetic_views import VIEW_PX, view_layout
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.data.batches.mixture import ViewMixture
from monoface.data.batches.photo_batch import BatchMaker
from monoface.data.batches.view_batch import MultiViewBatchMaker
from monoface.data.synthetic.head_views import HeadViewsConfig, head_views
from monoface.data.synthetic.heads import HeadsConfig
from monoface.facemodel.coefficients import white_light


@pytest.fixture(scope="module")
def photos():
    return BatchMaker([labelled_samples()], {"labelled": 1.0}, synthetic_head(), SETS, crop_px=VIEW_PX)


@pytest.fixture(scope="module")
def views():
    head = synthetic_head()
    heads = HeadViewsConfig(heads=HeadsConfig(count=2, max_yaw_deg=30.0), changing=0.0)
    pack = head_views(head, np.zeros((0, 8, 8, 3), np.uint8), heads)
    light = white_light(torch.zeros(()))
    return MultiViewBatchMaker([pack], {"heads": 1.0}, head, SETS, white_light=light, crop_px=VIEW_PX)


@pytest.fixture(scope="module")
def mixture(views, photos):
    return ViewMixture(views, photos, 0.4, view_layout().size)


def test_the_last_samples_are_photos(mixture, views, photos):
    batch, singles = mixture.sample(1, 2, 5), photos.sample(1, 2, 6)
    assert_close(batch.image[:3], views.sample(1, 2, 3).image)
    assert batch.gate.tolist() == [2, 2, 2, 0, 0]
    assert_close(batch.image[3:].flatten(0, 1), singles.image)
    geometry = view_layout().geometry_size
    assert_close(batch.outputs[3:, :, :geometry].flatten(0, 1), singles.outputs)
    assert not batch.outputs[3:, :, geometry:].any()
    assert_close(batch.points_px["aflw21"][3:].flatten(0, 1), singles.points_px["aflw21"])
    assert batch.labelled.all()
    assert not batch.lit[3:].any()
    assert not batch.skin[3:].any()
    assert batch.pack.tolist() == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("cut", [1, 3, 4])
def test_parts_are_those_of_the_whole(mixture, cut):
    whole = mixture.sample(1, 2, 5)
    parts = [mixture.sample(1, 2, 5, slice(0, cut)), mixture.sample(1, 2, 5, slice(cut, 5))]
    for name in ("image", "outputs", "labelled", "gate", "skin", "seeds"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name)), name


def test_equal_arguments_give_equal_batches(mixture):
    first, second = mixture.sample(0, 7, 4), mixture.sample(0, 7, 4)
    assert np.array_equal(first.image.numpy(), second.image.numpy())


def test_impossible_shares_are_refused(views, photos):
    with pytest.raises(ConfigError, match=r"a share of photos in 0\.\.1 and crops of one size, got 1\.5"):
        ViewMixture(views, photos, 1.5, 1)
