"""Batches: pictures, landmarks and coefficients stay consistent, and equal steps give equal batches."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ConfigError, DataError
from monoface.data.batches.augment import AugmentConfig, plan_crops
from monoface.data.batches.photo_batch import BatchMaker, stream_batches
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.facemodel.fitting import project_points
from monoface.facemodel.mirroring import mirror_order

SETS = ("aflw21", "facemesh468", "ibug68_contour")
CROP_PX = 96


@pytest.fixture
def maker(head, labelled_pack, landmark_pack):
    packs = [labelled_pack, landmark_pack]
    shares = {"labelled": 0.7, "landmarks": 0.3}
    return BatchMaker(packs, shares, head, SETS, crop_px=CROP_PX, augment=AugmentConfig())


def all_labelled(maker, config, seed=0):
    """Every labelled sample once, cropped as a plan says; returns the plan too."""
    rng = np.random.default_rng(seed)
    plan = plan_crops(rng, 5, CANVAS_PX, FACE_PX, maker.crop_px, config)
    return maker.assemble(np.zeros(5, np.int64), np.arange(5), plan), plan


@pytest.mark.parametrize("mirror", [0.0, 1.0, 0.5])
@pytest.mark.parametrize("set_name", SETS)
def test_coefficients_still_project_on_to_the_moved_landmarks(head, maker, set_name, mirror):
    config = AugmentConfig(turn_deg=40, scale=0.2, shift=0.1, mirror=mirror)
    batch, plan = all_labelled(maker, config)
    assert mirror in (0.0, 1.0) or 0 < plan.mirrored.sum() < 5
    coefficients, camera = maker.layout.decode(batch.outputs, CROP_PX)
    projected = project_points(head.subset(head.landmarks(set_name)), coefficients, camera)
    assert_close(projected, batch.points_px[set_name], rtol=0, atol=2e-2)


def test_no_augmentation_leaves_labels_but_for_the_size_of_the_crop(maker, labelled_pack):
    batch, _ = all_labelled(maker, None)
    assert_close(batch.outputs, torch.from_numpy(labelled_pack.outputs), rtol=1e-4, atol=1e-4)
    margin = (CANVAS_PX - FACE_PX) / 2
    expected = (labelled_pack.points_px["aflw21"] - margin) * (CROP_PX / FACE_PX)
    assert_close(batch.points_px["aflw21"], torch.from_numpy(expected), rtol=0, atol=1e-3)


def test_mirroring_exchanges_left_and_right_expressions(head, maker, labelled_pack):
    still = AugmentConfig(turn_deg=0, tumble=0, scale=0, shift=0, mirror=1)
    batch, _ = all_labelled(maker, still)
    before = maker.layout.decode(torch.from_numpy(labelled_pack.outputs), FACE_PX)[0]
    after = maker.layout.decode(batch.outputs, CROP_PX)[0]
    names = list(head.expression_names)
    for left in (name for name in names if "Left" in name):
        right = names.index(left.replace("Left", "Right"))
        assert_close(after.expression[:, names.index(left)], before.expression[:, right])
        assert_close(after.expression[:, right], before.expression[:, names.index(left)])
    assert_close(after.expression[:, names.index("jawOpen")], before.expression[:, names.index("jawOpen")])
    assert_close(after.identity, before.identity)


def test_rotations_stay_rotations(maker):
    batch, _ = all_labelled(maker, AugmentConfig())
    rotation = maker.layout.decode(batch.outputs, CROP_PX)[0].rotation
    assert_close(rotation @ rotation.mT, torch.eye(3).expand(5, 3, 3), rtol=0, atol=1e-5)
    assert_close(torch.linalg.det(rotation), torch.ones(5))


def test_equal_seed_and_step_give_equal_batches(maker):
    first, second, other = maker.sample(1, 7, 6), maker.sample(1, 7, 6), maker.sample(1, 8, 6)
    assert_close(first.image, second.image, rtol=0, atol=0)
    assert_close(first.outputs, second.outputs, rtol=0, atol=0)
    assert_close(first.points_px, second.points_px, rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(first.image, other.image)
    assert not torch.equal(maker.sample(2, 7, 6).image, first.image)


def test_samples_without_coefficients_are_not_labelled(maker):
    batch = maker.sample(0, 0, 40)
    assert_close(batch.labelled, batch.pack == 0)
    assert batch.outputs.isfinite().all()
    assert 0 < batch.labelled.sum() < 40


def test_landmarks_that_a_pack_lacks_are_nan(maker):
    batch = maker.sample(0, 0, 40)
    bare = ~batch.labelled
    assert batch.points_px["facemesh468"][bare].isnan().all()
    assert batch.points_px["facemesh468"][~bare].isfinite().all()
    assert batch.points_px["aflw21"][bare].isfinite().any()


def test_an_unseen_landmark_moves_to_its_partner_when_mirrored(maker):
    plan = plan_crops(np.random.default_rng(0), 1, CANVAS_PX, FACE_PX, CROP_PX, AugmentConfig(mirror=1))
    batch = maker.assemble(np.ones(1, np.int64), np.ones(1, np.int64), plan)
    unseen = batch.points_px["aflw21"][0].isnan().any(dim=1).nonzero()[:, 0]
    assert unseen.tolist() == [10]


def test_pictures_are_rgb_within_range(maker):
    batch = maker.sample(0, 0, 3)
    assert batch.image.shape == (3, 3, CROP_PX, CROP_PX)
    assert batch.image.is_contiguous(memory_format=torch.channels_last)
    assert 0 <= batch.image.min() < batch.image.max() <= 1


def test_shares_decide_where_samples_come_from(head, labelled_pack, landmark_pack):
    packs = [labelled_pack, landmark_pack]
    maker = BatchMaker(packs, {"landmarks": 3.0}, head, ("aflw21",), crop_px=24)
    assert set(maker.sample(0, 0, 30).pack.tolist()) == {1}


def test_a_stream_has_the_steps_in_order(maker):
    streamed = list(stream_batches(maker, 5, 3, 9, 2))
    assert len(streamed) == 6
    for step, batch in zip(range(3, 9), streamed, strict=True):
        assert torch.equal(batch.image, maker.sample(5, step, 2).image)


def test_a_stream_of_no_steps_is_empty(maker):
    assert list(stream_batches(maker, 0, 4, 4, 2)) == []


def test_a_batch_moves_to_a_device_whole(maker):
    batch = maker.sample(0, 0, 3)
    moved = batch.to(torch.device("cpu"))
    assert torch.equal(moved.image, batch.image)
    assert moved.points_px.keys() == batch.points_px.keys()


@pytest.mark.parametrize("set_name", SETS)
def test_partners_of_landmarks_are_mutual_and_mirrored(head, set_name):
    order = mirror_order(head, set_name)
    assert (order[order] == np.arange(len(order))).all()
    places = head.landmarks(set_name).points(head.mean_mm[None])[0]
    assert_close(places[torch.from_numpy(order)], places * torch.tensor([-1.0, 1, 1]), rtol=0, atol=1e-3)


def test_shares_of_unknown_packs_are_refused(head, labelled_pack):
    with pytest.raises(ConfigError, match="no pack is called lfw"):
        BatchMaker([labelled_pack], {"lfw": 1.0}, head, ("aflw21",))


def test_shares_of_nothing_are_refused(head, labelled_pack):
    with pytest.raises(ConfigError, match="a positive share"):
        BatchMaker([labelled_pack], {"labelled": 0.0}, head, ("aflw21",))


def test_a_share_of_an_empty_pack_is_refused(head, labelled_pack):
    empty = Pack("empty", labelled_pack.canvases[:0], {}, labelled_pack.outputs[:0])
    with pytest.raises(DataError, match="pack empty: expected at least one sample"):
        BatchMaker([labelled_pack, empty], {"labelled": 1.0, "empty": 1.0}, head, ("aflw21",))


def test_packs_of_another_face_model_are_refused(head, labelled_pack):
    other = Pack("other", labelled_pack.canvases, {}, labelled_pack.outputs[:, :-1])
    with pytest.raises(DataError, match="made for another face model"):
        BatchMaker([other], {"other": 1.0}, head, ("aflw21",))


def test_packs_of_one_name_divide_its_share_by_their_sizes(head, labelled_pack, landmark_pack):
    parts = [
        Pack(
            "labelled",
            labelled_pack.canvases[rows],
            {name: points[rows] for name, points in labelled_pack.points_px.items()},
            labelled_pack.outputs[rows],
        )
        for rows in (slice(0, 1), slice(1, 5), slice(5, 5))
    ]
    shares = {"labelled": 0.8, "landmarks": 0.2}
    maker = BatchMaker([*parts, landmark_pack], shares, head, SETS, crop_px=32)
    counts = np.bincount(maker.sample(0, 0, 4000).pack, minlength=4) / 4000
    np.testing.assert_allclose(counts, [0.16, 0.64, 0, 0.2], atol=0.02)
    assert [len(pack) for pack in maker.sampled_packs] == [1, 4, 3]


def test_parts_of_a_batch_are_rows_of_the_whole(maker):
    whole = maker.sample(3, 7, 6)
    parts = [maker.sample(3, 7, 6, slice(start, start + 2)) for start in (0, 2, 4)]
    for name in ("image", "outputs", "labelled", "pack"):
        assert_close(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name), rtol=0, atol=0)
    points = torch.cat([part.points_px["aflw21"] for part in parts])
    assert_close(points, whole.points_px["aflw21"], rtol=0, atol=0, equal_nan=True)


def test_streams_without_an_end_go_on(maker):
    stream = stream_batches(maker, 3, 5, None, 6, slice(0, 2))
    for step in (5, 6):
        assert_close(next(stream).image, maker.sample(3, step, 6).image[:2], rtol=0, atol=0)
    stream.close()
