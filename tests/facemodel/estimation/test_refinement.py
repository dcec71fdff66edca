"""Faces measured at the end: drawn ones, whose pose, expression and identity are known."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from synthetic_points import EXPRESSIONS, IDENTITY, POINTS, drawn_photos, off, placed, small_model

from monoface.core.errors import ConfigError
from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.identity_prior import IdentityPrior
from monoface.facemodel.estimation.refinement import (
    Lenses,
    RefineConfig,
    SeenPoints,
    conclude_together,
    discounted,
    look,
    measured_identity,
    refine,
)

PHOTOS = 40
TRUSTING = RefineConfig(
    sigma_scale=1.0, discount=1.0, expression_sd=0.3, turn_sd_deg=10.0, shift_sd_mm=20.0, zoom_sd=0.3
)


@pytest.fixture(scope="module")
def model():
    return small_model(np.float32)


@pytest.fixture(scope="module")
def drawn(model):
    """Identities, poses, points with noise of a millimetre, and where a network would begin."""
    identities, poses = drawn_photos(PHOTOS)
    noise = np.random.default_rng(4).normal(size=(PHOTOS, POINTS, 2)) * poses.scale_px[:, None, None]
    sigma_px = np.repeat(poses.scale_px[:, None], POINTS, axis=1)
    return identities, poses, SeenPoints(placed(model, identities, poses) + noise, sigma_px), off(poses)


@pytest.fixture(scope="module")
def prior(drawn):
    """Means that are off by the covariance."""
    identities = drawn[0]
    covariance = 0.3 * np.eye(IDENTITY)
    mean = identities + np.sqrt(0.3) * np.random.default_rng(5).normal(size=identities.shape)
    return IdentityPrior(mean, covariance[None], np.linalg.inv(covariance)[None])


def turn_deg(first, second):
    cosine = (np.trace(first.rotation @ second.rotation.transpose(0, 2, 1), axis1=1, axis2=2) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_pose_expression_and_identity_come_nearer(model, drawn, prior):
    identities, poses, seen, start = drawn
    found = refine(model, seen, start, prior.mean, prior, TRUSTING)
    assert turn_deg(found.poses, poses).mean() < 0.5 * turn_deg(start, poses).mean()
    for name in ("scale_px", "shift_px", "expression"):
        before, after = (
            np.abs(getattr(guess, name) - getattr(poses, name)).mean() for guess in (start, found.poses)
        )
        assert after < 0.6 * before, name
    away = np.linalg.norm(found.identity - identities, axis=1).mean()
    assert away < 0.5 * np.linalg.norm(prior.mean - identities, axis=1).mean()


def test_posterior_is_as_sure_as_it_is_right(model, drawn, prior):
    identities, _, seen, start = drawn
    found = refine(model, seen, start, prior.mean, prior, TRUSTING)
    shrunk = np.linalg.eigvalsh(prior.covariance - found.identity_covariance)
    assert (shrunk > -1e-9).all()
    away = found.identity - identities
    squared = (away[:, None] @ np.linalg.solve(found.identity_covariance, away[..., None]))[:, 0, 0]
    assert 0.6 < squared.mean() / IDENTITY < 1.6


def test_identity_without_evidence_is_the_prior(model, drawn, prior):
    *_, seen, start = drawn
    found = refine(model, seen, start, prior.mean + 0.2, prior, replace(TRUSTING, discount=0.0))
    assert_allclose(found.identity, prior.mean, atol=1e-9)
    assert_allclose(found.identity_covariance, np.repeat(prior.covariance, PHOTOS, 0), atol=1e-9)


def test_points_that_are_not_known_leave_all_as_it_was(model, drawn, prior):
    *_, seen, start = drawn
    blind = replace(seen, place_px=np.full_like(seen.place_px, np.nan))
    found = refine(model, blind, start, prior.mean, prior, TRUSTING)
    assert_allclose(found.identity, prior.mean, atol=1e-6)
    for name in ("rotation", "scale_px", "shift_px", "expression"):
        assert_allclose(getattr(found.poses, name), getattr(start, name), rtol=1e-5, atol=1e-5)


def test_pinholes_are_seen_through(model, drawn, prior):
    """A near camera enlarges what is near; to know that is better than not to know it."""
    identities, poses, _, start = drawn
    distance_mm = 500.0
    points = model.points(identities, poses.expression).astype(np.float64) @ poses.rotation.transpose(0, 2, 1)
    principal_px = poses.shift_px + 30
    lenses = Lenses(distance_mm * poses.scale_px, principal_px)
    origin_mm = (poses.shift_px - principal_px) / poses.scale_px[:, None]
    depth_mm = (distance_mm + points[..., 2:]) / lenses.focal_px[:, None, None]
    place_px = principal_px[:, None] + (points[..., :2] + origin_mm[:, None]) / depth_mm
    sigma_px = np.repeat(0.3 * poses.scale_px[:, None], POINTS, axis=1)
    config = replace(TRUSTING, steps=4, last_steps=3)
    known, unknown = (
        refine(model, SeenPoints(place_px, sigma_px, one), start, prior.mean, prior, config)
        for one in (lenses, None)
    )
    error = [np.linalg.norm(found.identity - identities, axis=1).mean() for found in (known, unknown)]
    assert error[0] < 0.5 * error[1]
    assert turn_deg(known.poses, poses).mean() < 1.0


def test_size_of_the_photo_does_not_matter(model, drawn, prior):
    *_, seen, start = drawn
    large = SeenPoints(10 * seen.place_px, 10 * seen.sigma_px)
    begun = replace(start, scale_px=10 * start.scale_px, shift_px=10 * start.shift_px)
    first = refine(model, seen, start, prior.mean, prior, RefineConfig())
    second = refine(model, large, begun, prior.mean, prior, RefineConfig())
    assert_allclose(second.identity, first.identity, atol=1e-3)
    assert_allclose(second.poses.scale_px, 10 * first.poses.scale_px, rtol=1e-4)


def test_faces_do_not_see_each_other(model, drawn, prior):
    *_, seen, start = drawn
    together = refine(model, seen, start, prior.mean, prior, TRUSTING)
    alone = refine(model, seen[3:4], start[3:4], prior.mean[3:4], prior[3:4], TRUSTING)
    assert_allclose(alone.identity, together.identity[3:4], atol=1e-3)
    assert_allclose(alone.poses.expression, together.poses.expression[3:4], atol=1e-3)


def test_nuisance_limits_what_a_photo_tells(model, drawn, prior):
    *_, seen, start = drawn
    looked = look(model, seen, start, prior.mean, TRUSTING)
    plain, _ = discounted(looked.evidence, TRUSTING)
    information, vector = discounted(looked.evidence, replace(TRUSTING, nuisance=0.5))
    expected = np.linalg.inv(np.linalg.inv(plain) + 0.5 * np.eye(IDENTITY))
    assert_allclose(information, expected, rtol=1e-3, atol=1e-3)
    assert np.linalg.eigvalsh(information).max() <= 2 + 1e-6
    step = np.linalg.solve(plain, discounted(looked.evidence, TRUSTING)[1][..., None])
    assert_allclose(vector, (information @ step)[..., 0], rtol=1e-3, atol=1e-3)


def test_measured_identity_is_the_posterior_of_anybody(model, drawn, prior):
    *_, seen, start = drawn
    looked = look(model, seen, start, prior.mean, TRUSTING)
    anybody = IdentityPrior.of_population(PHOTOS, IDENTITY)
    expected = refine(model, seen, start, prior.mean, anybody, TRUSTING).identity
    found = measured_identity(looked, replace(TRUSTING, discount=0.0, measured_discount=1.0))
    assert_allclose(found, expected, atol=1e-6)


def test_photos_of_one_person_tell_more_together(model):
    identity = np.random.default_rng(8).normal(size=IDENTITY)
    identities, poses = drawn_photos(6, seed=3, identity=identity)
    noise = np.random.default_rng(4).normal(size=(6, POINTS, 2)) * poses.scale_px[:, None, None]
    sigma_px = np.repeat(poses.scale_px[:, None], POINTS, axis=1)
    seen, start = SeenPoints(placed(model, identities, poses) + noise, sigma_px), off(poses)
    anybody = IdentityPrior.of_population(6, IDENTITY)
    alone = refine(model, seen, start, anybody.mean, anybody, TRUSTING)
    looked = look(model, seen, start, anybody.mean, TRUSTING)
    found = conclude_together(model, seen, start, looked, anybody[:1], TRUSTING)
    assert np.ptp(found.identity, axis=0).max() == 0
    error = np.linalg.norm(found.identity - identity, axis=1)[0]
    assert error < np.linalg.norm(alone.identity - identity, axis=1).mean()
    assert np.trace(found.identity_covariance[0]) < 0.5 * np.trace(alone.identity_covariance[0])
    assert turn_deg(found.poses, poses).mean() < turn_deg(start, poses).mean()
    with pytest.raises(ValueError, match="one identity for all photos"):
        conclude_together(model, seen, start, replace(looked, identity=alone.identity), anybody[:1], TRUSTING)


def test_one_photo_together_is_one_photo(model, drawn, prior):
    *_, seen, start = drawn
    looked = look(model, seen[:1], start[:1], prior.mean[:1], TRUSTING)
    together = conclude_together(model, seen[:1], start[:1], looked, prior[:1], TRUSTING)
    alone = refine(model, seen[:1], start[:1], prior.mean[:1], prior[:1], TRUSTING)
    assert_allclose(together.identity, alone.identity, atol=1e-9)
    assert_allclose(together.poses.expression, alone.poses.expression, atol=1e-9)


def test_no_faces_are_no_faces(model, drawn, prior):
    *_, seen, start = drawn
    found = refine(model, seen[:0], start[:0], prior.mean[:0], prior[:0], TRUSTING)
    assert len(found) == 0
    assert found.poses.expression.shape == (0, EXPRESSIONS)


def test_results_survive_pickling(model, drawn, prior):
    *_, seen, start = drawn
    found = refine(model, seen[:2], start[:2], prior.mean[:2], prior[:2], TRUSTING)
    again = pickle.loads(pickle.dumps(found))
    assert_allclose(again.identity_covariance, found.identity_covariance)
    assert isinstance(again.poses, Poses)


def test_points_joined_are_those_of_each(drawn):
    seen = drawn[2]
    lenses = Lenses(np.ones(PHOTOS), np.zeros((PHOTOS, 2)))
    joined = SeenPoints.joined([replace(seen, lenses=lenses)[:1], replace(seen, lenses=lenses)[1:3]])
    assert_allclose(joined.place_px, seen.place_px[:3])
    assert joined.lenses.focal_px.shape == (3,)
    assert SeenPoints.joined([seen[:1], replace(seen, lenses=lenses)[1:3]]).lenses is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": -1}, "expected steps from 0 to 1000, got -1"),
        ({"sigma_scale": 0.0}, "sigma_scale above 0, got 0.0"),
        ({"expression_sd": -1.0}, "expression_sd above 0"),
        ({"discount": 1.5}, "discount from 0 to 1, got 1.5"),
        ({"in_common": -0.5}, "in_common from 0 to 1"),
        ({"nuisance": -0.1}, "nuisance of at least 0"),
    ],
)
def test_other_configurations_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        RefineConfig(**wrong)


def test_steps_without_end_are_refused():
    with pytest.raises(ConfigError, match="expected steps from 0 to 1000, got 1000000000"):
        RefineConfig(steps=10**9)
