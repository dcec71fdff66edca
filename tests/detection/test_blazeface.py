"""Anchors, decoding and merging of candidates."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.detection.blazeface import (
    FULL_RANGE,
    SHORT_RANGE,
    BlazeFace,
    Candidates,
    anchor_centres,
    decode,
    drop_duplicates,
    drop_shadows,
    merge_overlapping,
)
from monoface.detection.crops import SquareCrop
from monoface.geometry.roi import box_iou


def candidates(boxes, scores):
    boxes = np.asarray(boxes, dtype=float)
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3, 0, 1, 2, 3]].reshape(-1, 6, 2)
    return Candidates(boxes, corners, np.asarray(scores, dtype=float))


def test_anchors_of_the_short_range_network_by_hand():
    centres = anchor_centres(SHORT_RANGE)
    assert centres.shape == (16 * 16 * 2 + 8 * 8 * 6, 2)
    assert_allclose(centres[:4], [[4, 4], [4, 4], [12, 4], [12, 4]])
    assert_allclose(centres[32], [4, 12])
    assert_allclose(centres[511], [124, 124])
    assert_allclose(centres[512:519], [[8, 8]] * 6 + [[24, 8]])


def test_anchors_of_the_full_range_network_by_hand():
    centres = anchor_centres(FULL_RANGE)
    assert centres.shape == (48 * 48, 2)
    assert_allclose(centres[[0, 1, 48, -1]], [[2, 2], [6, 2], [2, 6], [190, 190]])


def test_a_decoded_candidate_by_hand():
    raw = np.zeros((1, 16))
    raw[0, :6] = [1, 2, 10, 20, -3, 5]
    found = decode(raw, np.array([math.log(3)]), np.array([[50.0, 60.0]]))
    assert_allclose(found.box, [[46, 52, 56, 72]])
    assert_allclose(found.keypoints_px[0, :2], [[47, 65], [50, 60]])
    assert_allclose(found.score, [0.75])


def test_decoding_inverts_encoding(noise):
    centres = anchor_centres(SHORT_RANGE)[noise.integers(0, 896, 7)]
    low, keypoints = noise.uniform(0, 60, (7, 2)), noise.uniform(0, 128, (7, 6, 2))
    box = np.concatenate([low, low + noise.uniform(5, 60, (7, 2))], axis=1)
    middle, size = (box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]
    raw = np.concatenate([(middle - centres)[:, None], size[:, None], keypoints - centres[:, None]], axis=1)
    found = decode(raw.reshape(7, 16), np.zeros(7), centres)
    assert_allclose(found.box, box, atol=1e-5)
    assert_allclose(found.keypoints_px, keypoints, atol=1e-5)


def test_overlapping_candidates_are_averaged_by_score():
    merged = merge_overlapping(
        candidates([[0, 0, 10, 10], [40, 40, 50, 50], [2, 0, 12, 10]], [0.25, 0.5, 0.75]), min_iou=0.3
    )
    assert_allclose(merged.box, [[1.5, 0, 11.5, 10], [40, 40, 50, 50]])
    assert_allclose(merged.score, [0.75, 0.5])
    assert_allclose(merged.keypoints_px[0, 1], [11.5, 0])


def test_merging_does_not_depend_on_the_order(noise):
    low = noise.uniform(0, 100, (25, 2))
    some = candidates(np.concatenate([low, low + 40], axis=1), noise.permutation(25) / 25 + 0.01)
    merged, again = (merge_overlapping(some[order], 0.3) for order in (np.arange(25), noise.permutation(25)))
    assert_allclose(merged.box, again.box)
    assert all((box_iou(box, merged.box) > 0.99).sum() == 1 for box in merged.box)


def test_a_smaller_box_inside_a_better_one_goes():
    kept = drop_duplicates(
        candidates([[0, 0, 10, 10], [2, 2, 5, 5], [8, 8, 18, 18]], [0.9, 0.8, 0.7]),
        min_iou=0.3,
        min_inside=0.6,
    )
    assert_allclose(kept.score, [0.9, 0.7])


def test_no_candidates_stay_none():
    nothing = Candidates.joined([])
    assert (
        len(nothing) == len(merge_overlapping(nothing, 0.3)) == len(drop_duplicates(nothing, 0.3, 0.6)) == 0
    )


def test_candidates_of_a_turned_crop_by_hand():
    crop = SquareCrop((100.0, 50.0), 20.0, math.pi / 2)
    found = candidates([[4, 4, 6, 8]], [0.5]).in_photo(crop, size=10)
    # In the crop the box centre is at (0, 1) from the middle; a quarter turn and a zoom of 2 make it (-2, 0).
    assert_allclose(found.box, [[96, 46, 100, 54]])
    assert_allclose(found.keypoints_px[0, 0], [102, 48])


@pytest.mark.parametrize("spec", [SHORT_RANGE, FULL_RANGE])
def test_a_batch_gives_what_its_pictures_give(spec, noise):
    network = BlazeFace(spec)
    pictures = noise.integers(0, 256, (3, spec.size_px, spec.size_px, 3), dtype=np.uint8)
    together = network(pictures, 1e-4)
    for picture, expected in zip(pictures, together, strict=True):
        (alone,) = network(picture[None], 1e-4)
        assert_allclose(alone.box, expected.box, atol=1e-3)
        assert_allclose(alone.score, expected.score, atol=1e-5)


def test_only_what_is_nested_with_a_clear_candidate_is_its_shadow():
    clear, eye, larger, beside = (0, 0, 100, 100), (30, 30, 60, 60), (-20, -20, 110, 110), (80, 80, 180, 180)
    doubtful, within = (200, 0, 260, 60), (210, 10, 250, 50)
    scores = [0.9, 0.3, 0.4, 0.5, 0.6, 0.3]
    kept = drop_shadows(candidates([clear, eye, larger, beside, doubtful, within], scores), 0.8, 0.6)
    # The last one lies in what is not clearly a face itself.
    assert kept.score.tolist() == [0.9, 0.5, 0.6, 0.3]
    assert len(drop_shadows(kept[:0], 0.8, 0.6)) == 0
