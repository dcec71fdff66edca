"""What measuring needs, learned from drawn photos whose truth is known."""

import numpy as np
import pytest
from drawn_points import EXPRESSIONS, IDENTITY, POINTS, drawn_photos, off, placed, small_model
from numpy.testing import assert_allclose

from monoface.facemodel.refinement import RefineConfig, SeenPoints
from monoface.networks import RegressorInfo
from monoface.pipeline.refinement_file import DESCRIPTOR, MEASURED, REGRESSED
from monoface.training.refinement import (
    MeasuredPhotos,
    coverage_factor,
    find_habits,
    learn_identity_map,
    provisional_refinement,
    with_measured,
)

PHOTOS = 300
CONFIG = RefineConfig(
    sigma_scale=1.0,
    measured_discount=1.0,
    expression_sd=0.05,
    turn_sd_deg=10.0,
    shift_sd_mm=20.0,
    zoom_sd=0.3,
)


@pytest.fixture(scope="module")
def mirror():
    """Pairs of neighbours stand for the two sides."""
    return np.arange(POINTS).reshape(-1, 2)[:, ::-1].ravel()


@pytest.fixture(scope="module")
def habit_mm(mirror):
    half = np.random.default_rng(3).normal(size=(POINTS, 3))
    return (half + half[mirror] * (-1, 1, 1)) / np.sqrt(2)


@pytest.fixture(scope="module")
def people(habit_mm):
    """Photos of 100 people, three of each, by a network whose points have habits; and who they are."""
    model = small_model(np.float32)
    identities, poses = drawn_photos(PHOTOS, turn_rad=0.6)
    person = np.arange(PHOTOS) % 100
    identities = identities[person]
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(PHOTOS, POINTS, 2)) * poses.scale_px[:, None, None]
    seen = SeenPoints(
        placed(model.moved(habit_mm), identities, poses) + noise,
        np.repeat(poses.scale_px[:, None], POINTS, axis=1),
    )
    start = off(poses)
    inputs = {REGRESSED: 0.5 * identities + 0.4 * rng.normal(size=identities.shape)}
    return model, identities, person, MeasuredPhotos(seen, start, inputs)


def test_habits_are_found(people, mirror, habit_mm):
    model, identities, _, photos = people
    found = find_habits(model, mirror, photos, identities, CONFIG)
    # What a pose and expressions explain cannot be told from a habit.
    assert np.linalg.norm(found - habit_mm, axis=1).mean() < 0.35 * np.linalg.norm(habit_mm, axis=1).mean()
    assert_allclose(found, found[mirror] * (-1, 1, 1), atol=1e-9)


def test_maps_know_who_is_seen(people, habit_mm):
    model, identities, person, photos = people
    learned, test = photos[np.flatnonzero(person < 70)], np.flatnonzero(person >= 70)
    who = person[person < 70]
    known = 20 * np.tile(np.eye(IDENTITY), (70, 1, 1))
    vector = (known @ identities[:70, :, None])[..., 0]
    moved = model.moved(habit_mm)
    errors = []
    for names in ([REGRESSED], [REGRESSED, MEASURED]):
        identity_map, _ = learn_identity_map(moved, learned, names, who, known, vector, CONFIG)
        again = with_measured(moved, photos[test], CONFIG)
        away = identity_map(again.inputs).mean - identities[test]
        errors.append(np.sqrt((away**2).mean()))
        # A first guess stands behind the covariance of few people, so that it is rather too large.
        assert errors[-1] < np.sqrt(np.trace(identity_map.covariance) / IDENTITY) < 2.5 * errors[-1]
    assert errors[1] < 0.8 * errors[0] < 0.8 * identities.std()


def test_photos_are_measured_anew(people):
    model, *_, photos = people
    again = with_measured(model, photos[:70], CONFIG)
    assert again.inputs[MEASURED].shape == (70, IDENTITY)
    assert again.inputs[REGRESSED] is not None
    assert len(again[np.arange(3)]) == 3
    assert_allclose(
        with_measured(model, photos[:3], CONFIG).inputs[MEASURED], again.inputs[MEASURED][:3], atol=1e-2
    )
    assert again.start.expression.shape == (70, EXPRESSIONS)


def test_factors_cover_what_is_wanted():
    rng = np.random.default_rng(0)
    sigma = rng.uniform(1, 2, 50_000)
    distance = np.abs(1.7 * sigma * rng.normal(size=50_000))
    factor = coverage_factor(distance, sigma)
    assert factor == pytest.approx(1.7 * 0.9945, rel=0.02)
    assert (distance < factor * sigma).mean() == pytest.approx(0.68, abs=0.001)


def test_provisional_refinements_believe_the_network(face_model):

    info = RegressorInfo(
        "monoface", "any", 80, 51, point_sets=(("ibug68_reannotated", 1), ("facemesh468", 3))
    )
    refinement = provisional_refinement(info, face_model, CONFIG)
    inputs = {name: np.ones((2, length)) for name, length in refinement.identity_map.inputs}
    inputs[REGRESSED] = np.arange(160.0).reshape(2, 80)
    assert_allclose(refinement.identity_map(inputs).mean, inputs[REGRESSED])
    assert refinement.identity_map.sees(DESCRIPTOR)
    assert refinement.habit_mm.shape[0] > 200
