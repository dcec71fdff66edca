"""Packs from which nothing can be learned are refused before the first step."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_head import synthetic_head
from synthetic_packs import SETS, labelled_samples, landmark_samples, small_method

from monoface.core.errors import DataError
from monoface.data.batches.photo_batch import BatchMaker
from monoface.data.packs.photo_pack import Pack
from monoface.training import TrainConfig, train
from monoface.training.regressors.checks import check_training_data


@pytest.fixture(scope="module")
def labelled():
    return labelled_samples()


def maker_of(*packs, sets=SETS):
    shares = {pack.name: 1.0 for pack in packs}
    return BatchMaker(list(packs), shares, synthetic_head(), sets, crop_px=32)


def test_good_packs_pass(labelled):
    check_training_data(maker_of(labelled, landmark_samples(labelled)), needs_labels=True)


def test_packs_without_a_share_are_not_looked_at(labelled):
    bad = replace(labelled, name="bad", outputs=labelled.outputs + np.inf)
    check_training_data(BatchMaker([labelled, bad], {"labelled": 1.0}, synthetic_head(), SETS, crop_px=32))


def test_pictures_of_floats_are_refused(labelled):
    # Packs from elsewhere; the tests' shape checks would refuse it before it could be.
    maker = maker_of(labelled)
    floats = object.__new__(Pack)
    floats.__dict__.update(vars(labelled) | {"canvases": np.full(labelled.canvases.shape, np.nan)})
    maker.sampled_packs = [floats]
    with pytest.raises(DataError, match=r"in uint8, got .* float64"):
        check_training_data(maker)


def test_blank_pictures_are_refused(labelled):
    with pytest.raises(DataError, match="got canvases of one colour each"):
        check_training_data(maker_of(replace(labelled, canvases=np.zeros_like(labelled.canvases))))


@pytest.mark.parametrize("change", [lambda p: p * 100, lambda p: p - 500, lambda p: p + 1000])
def test_landmarks_far_outside_are_refused(labelled, change):
    points = {name: change(points) for name, points in labelled.points_px.items()}
    with pytest.raises(DataError, match=r"more than half a canvas outside\. Check their scale"):
        check_training_data(maker_of(replace(labelled, points_px=points)))


def test_one_wrong_landmark_is_tolerated(labelled):
    points = {name: points.copy() for name, points in labelled.points_px.items()}
    points["aflw21"][0, 0] = 900
    check_training_data(maker_of(replace(labelled, points_px=points)))


def test_infinite_values_are_refused(labelled):
    points = {name: points.copy() for name, points in labelled.points_px.items()}
    points["aflw21"][2, 3, 1] = np.inf
    with pytest.raises(DataError, match="aflw21: expected pixels or NaN, got infinite"):
        check_training_data(maker_of(replace(labelled, points_px=points)))
    outputs = labelled.outputs.copy()
    outputs[1, 2] = np.inf
    with pytest.raises(DataError, match="got infinite ones or gaps"):
        check_training_data(maker_of(replace(labelled, outputs=outputs)))


def test_coefficients_with_gaps_are_refused(labelled):
    outputs = labelled.outputs.copy()
    outputs[1, 2] = np.nan
    with pytest.raises(DataError, match="all known or all NaN, got infinite ones or gaps"):
        check_training_data(maker_of(replace(labelled, outputs=outputs)))


@pytest.mark.parametrize(("column", "amount"), [(-3, 1.5), (-3, -1.8), (-2, 6.0)])
def test_coefficients_for_other_crops_are_refused(labelled, column, amount):
    outputs = labelled.outputs.copy()
    outputs[:, column] += amount
    with pytest.raises(DataError, match="of 5 faces outside of them or of another size"):
        check_training_data(maker_of(replace(labelled, outputs=outputs)))


def test_packs_that_know_nothing_for_the_method_are_refused(labelled):
    only21 = landmark_samples(labelled)
    with pytest.raises(DataError, match="expected landmarks of facemesh468, or coefficients, got neither"):
        check_training_data(maker_of(only21, sets=("facemesh468",)))


def test_labels_are_needed_by_methods_that_say_so(labelled, tmp_path):
    maker = maker_of(landmark_samples(labelled))
    check_training_data(maker)
    config = TrainConfig(steps=1, batch=2, precision="32-true")
    with pytest.raises(DataError, match="needs samples whose coefficients are known, got none"):
        train(small_method(), maker, config, tmp_path / "run", needs_labels=True)
    assert not (tmp_path / "run").exists()
