"""Which landmarks are known of a sample, and what its map shows of them."""

import dataclasses

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_packs import SETS, labelled_samples, landmark_samples
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.photo_batch import BatchMaker
from monoface.facemodel.landmarks import FLM18, FLM18_GROUPS, FLM18_GROUPS_468, FLM18_OF_21
from monoface.methods.twodasl.config import MapTrainingConfig
from monoface.methods.twodasl.maps import KnownLandmarks, annotated_points, inexact_points

SEEDS = torch.arange(1, 2001)
EXACT = MapTrainingConfig.published()


@pytest.fixture(scope="module")
def batch():
    labelled = labelled_samples()
    packs = [labelled, landmark_samples(labelled)]
    maker = BatchMaker(
        packs,
        {"labelled": 1.0, "landmarks": 1.0},
        synthetic_head(),
        SETS,
        crop_px=64,
        augment=AugmentConfig(),
    )
    return maker.sample(0, 0, 12)


@pytest.fixture(scope="module")
def known():
    return KnownLandmarks(synthetic_head(), crop_px=64)


def points_of(count=2000):
    """The same 18 points for every sample, in the middle of a crop of 64 pixels."""
    return (20 + 24 * torch.rand(1, 18, 2, generator=torch.Generator().manual_seed(1))).expand(count, -1, -1)


def test_labelled_samples_have_the_points_of_their_true_face(known, batch):
    found = known(batch)[batch.labelled]
    # Samples of the synthetic head have their annotations from the same face.
    expected = batch.points_px["aflw21"][batch.labelled][:, list(FLM18_OF_21)]
    assert_close(found, expected, atol=2e-3, rtol=1e-4)


def test_others_have_the_annotated_points(known, batch):
    rows = ~batch.labelled
    expected = batch.points_px["aflw21"][rows][:, list(FLM18_OF_21)]
    assert torch.equal(known(batch)[rows].isnan(), expected.isnan())
    assert_close(known(batch)[rows], expected, equal_nan=True)


def test_the_next_set_counts_where_one_says_nothing(known, batch):
    rows = torch.zeros_like(batch.labelled)
    nothing = torch.full_like(batch.points_px["aflw21"], torch.nan)
    changed = dataclasses.replace(batch, labelled=rows, points_px=dict(batch.points_px) | {"aflw21": nothing})
    dense = batch.points_px["facemesh468"]
    expected = torch.stack([dense[:, list(group)].mean(dim=1) for group in FLM18_GROUPS_468], dim=1)
    found = known(changed)
    has_them = dense.isfinite().all(dim=(1, 2))
    assert has_them.any()
    assert_close(found[has_them], expected[has_them])
    assert found[~has_them].isnan().all()


def test_batches_without_any_usable_set_are_refused(batch):
    with pytest.raises(
        ConfigError, match="aflw21, facemesh468, ibug68_contour, ibug68_reannotated, got none"
    ):
        annotated_points(dataclasses.replace(batch, points_px={}))


def test_the_set_is_that_of_aflw_without_ears_and_chin():
    head = synthetic_head()
    places = head.landmarks("aflw21").points(head.mean_mm[None])
    assert_close(head.landmarks(FLM18).points(head.mean_mm[None]), places[:, list(FLM18_OF_21)])
    assert len(FLM18_OF_21) == len(FLM18_GROUPS) == len(FLM18_GROUPS_468) == 18


def test_exact_maps_show_what_is_known():
    assert torch.equal(inexact_points(points_of(), SEEDS, 64, EXACT), points_of())


def test_the_share_of_empty_maps():
    shown = inexact_points(points_of(), SEEDS, 64, dataclasses.replace(EXACT, empty=0.4))
    empty = shown.isnan().all(dim=(1, 2))
    assert empty.float().mean() == pytest.approx(0.4, abs=0.04)
    assert shown[~empty].isfinite().all()


def test_jitter_is_at_most_as_large_as_configured():
    shown = inexact_points(points_of(), SEEDS, 64, dataclasses.replace(EXACT, jitter=0.05))
    size = (shown - points_of()).square().mean(dim=(1, 2)).sqrt() / 64
    # The deviation of a sample is uniform between 0 and 0.05.
    assert size.mean() == pytest.approx(0.025, abs=0.002)
    assert size.max() < 0.08


def test_displaced_maps_stay_similar_figures():
    config = dataclasses.replace(EXACT, displaced=0.5, displacement=0.1)
    shown, points = inexact_points(points_of(), SEEDS, 64, config), points_of()
    moved = (shown - points).abs().amax(dim=(1, 2)) > 1e-3
    assert moved.float().mean() == pytest.approx(0.5, abs=0.04)

    def figure(values):
        centred = values - values.mean(dim=1, keepdim=True)
        return centred / centred.square().mean(dim=(1, 2), keepdim=True).sqrt()

    assert_close(figure(shown), figure(points), atol=1e-4, rtol=1e-3)
    shift = (shown.mean(dim=1) - points.mean(dim=1))[moved] / 64
    assert shift.std() == pytest.approx(0.1, abs=0.01)


def test_sparse_maps_lack_points():
    config = dataclasses.replace(EXACT, sparse=0.5, missing=0.3)
    missing = inexact_points(points_of(), SEEDS, 64, config).isnan().any(dim=-1).float().mean(dim=1)
    assert missing.mean() == pytest.approx(0.15, abs=0.01)
    assert (missing == 0).float().mean() == pytest.approx(0.5, abs=0.04)


def test_a_sample_has_the_same_map_in_any_batch():
    config, points = MapTrainingConfig(), points_of()
    whole = inexact_points(points, SEEDS, 64, config)
    part = inexact_points(points[500:600], SEEDS[500:600], 64, config)
    assert np.array_equal(whole[500:600].numpy(), part.numpy(), equal_nan=True)


@pytest.mark.parametrize("wrong", [{"empty": 1.5}, {"jitter": -0.1}])
def test_impossible_maps_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"shares in 0\.\.1 and deviations of at least 0"):
        MapTrainingConfig(**wrong)
