"""What marked points say of identities: finite differences, the full solve, and what must not matter."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from synthetic_points import (
    EXPRESSIONS,
    IDENTITY,
    POINTS,
    drawn_photos,
    marked,
    off,
    placed,
    small_model,
)

from monoface.facemodel.estimation.evidence import (
    PoseGuess,
    Poses,
    _normal_equations,
    follow,
    gather,
    settle,
    start_poses,
)
from monoface.facemodel.estimation.poses import turn, turn_vector

OWN = 6 + EXPRESSIONS


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def case(model):
    """Three photos, poses and identities that are a little wrong, and marks with noise."""
    identities, poses = drawn_photos(3)
    rng = np.random.default_rng(2)
    points = placed(model, identities, poses) + rng.normal(size=(3, POINTS, 2))
    wrong = identities + 0.3 * rng.normal(size=identities.shape)
    return marked(points), off(poses), wrong


def moved(poses, step):
    """Poses after a step of turn, shift, logarithm of scale and expression, without any limit."""
    return Poses(
        turn(step[:, :3]) @ poses.rotation,
        poses.scale_px * np.exp(step[:, 5]),
        poses.shift_px + step[:, 3:5] * poses.scale_px[:, None],
        poses.expression + step[:, 6:OWN],
    )


def cost(model, marks, poses, identity):
    """Half of the squared residuals of each photo, and of what is known of expressions."""
    away = (marks.points_px - placed(model, identity, poses)) / poses.scale_px[:, None, None]
    known = (poses.expression - marks.expression) / marks.expression_sd
    return 0.5 * np.nansum((away / marks.sigma_mm[..., None]) ** 2, axis=(1, 2)) + 0.5 * (known**2).sum(
        axis=1
    )


def test_slope_is_that_of_the_cost(model, case):
    marks, poses, identity = case
    normal = _normal_equations(model, marks, poses, identity, of_identity=True)
    # What is away is divided by the scale that a step begins with.
    for column in range(OWN + IDENTITY):
        step = np.zeros((3, OWN + IDENTITY))
        step[:, column] = 1e-5
        costs = []
        for sign in (1, -1):
            at = moved(poses, sign * step[:, :OWN])
            away = (marks.points_px - placed(model, identity + sign * step[:, OWN:], at)) / poses.scale_px[
                :, None, None
            ]
            known = (at.expression - marks.expression) / marks.expression_sd
            costs.append(0.5 * (away**2).sum(axis=(1, 2)) + 0.5 * (known**2).sum(axis=1))
        slope = -(costs[0] - costs[1]) / 2e-5
        assert_allclose(normal.slope[:, column], slope, rtol=1e-4, atol=1e-3)


def test_schur_complement_is_the_full_solution(model, case):
    marks, poses, identity = case
    normal = _normal_equations(model, marks, poses, identity, of_identity=True)
    full = np.linalg.solve(normal.matrix, normal.slope[..., None])[..., 0]
    evidence = gather(model, marks, poses, identity)
    step = np.linalg.solve(evidence.information, evidence.vector[..., None])[..., 0]
    assert_allclose(step, full[:, OWN:], rtol=1e-6, atol=1e-9)
    own = evidence.own + (evidence.own_by_identity @ step[..., None])[..., 0]
    assert_allclose(own, full[:, :OWN], rtol=1e-6, atol=1e-9)
    whole = np.linalg.inv(normal.matrix)
    assert_allclose(np.linalg.inv(evidence.information), whole[:, OWN:, OWN:], rtol=1e-6, atol=1e-9)
    given_identity = np.linalg.inv(normal.matrix[:, :OWN, :OWN])
    assert_allclose(evidence.own_covariance, given_identity, rtol=1e-9)


def test_a_few_steps_find_the_truth(model):
    identities, poses = drawn_photos(4)
    marks = marked(placed(model, identities, poses), expression_sd=10.0, sigma_mm=0.01)
    found, identity = off(poses), np.zeros_like(identities)
    for _ in range(8):
        evidence = gather(model, marks, found, identity)
        step = np.linalg.solve(evidence.information, evidence.vector[..., None])[..., 0]
        found, identity = follow(model, found, evidence, step), identity + step
    assert_allclose(identity, identities, atol=1e-3)
    assert_allclose(found.rotation, poses.rotation, atol=1e-3)
    assert_allclose(found.expression, poses.expression, atol=1e-3)
    assert_allclose(found.scale_px, poses.scale_px, rtol=1e-3)


def test_settling_finds_pose_and_expression_of_known_identities(model):
    identities, poses = drawn_photos(4)
    marks = marked(placed(model, identities, poses), expression_sd=10.0, sigma_mm=0.01)
    found = off(poses, turn_rad=0.2)
    before = cost(model, marks, found, identities)
    found = settle(model, marks, found, identities)
    assert (cost(model, marks, found, identities) < before).all()
    for _ in range(5):
        found = settle(model, marks, found, identities)
    assert_allclose(found.rotation, poses.rotation, atol=1e-4)
    assert_allclose(found.expression, poses.expression, atol=1e-3)


def test_settling_is_a_step_of_gathering_without_identity(model, case):
    marks, poses, identity = case
    stayed = follow(model, poses, gather(model, marks, poses, identity), np.zeros_like(identity))
    settled = settle(model, marks, poses, identity)
    for name in ("rotation", "scale_px", "shift_px", "expression"):
        assert_allclose(getattr(settled, name), getattr(stayed, name), rtol=1e-9)


def test_points_that_are_not_marked_say_nothing(model, case):
    marks, poses, identity = case
    points = marks.points_px.copy()
    points[:, 10:20] = np.nan
    evidence = gather(model, replace(marks, points_px=points), poses, identity)
    doubted = marks.sigma_mm.copy()
    doubted[:, 10:20] = 1e9
    expected = gather(model, replace(marks, sigma_mm=doubted), poses, identity)
    assert_allclose(evidence.information, expected.information, rtol=1e-9)
    assert_allclose(evidence.vector, expected.vector, rtol=1e-9)
    assert np.isnan(evidence.residual_mm[:, 10:20]).all()
    assert_array_equal(evidence.weight[:, 10:20], 0)


def test_nothing_marked_says_nothing(model, case):
    marks, poses, identity = case
    evidence = gather(model, replace(marks, points_px=np.full_like(marks.points_px, np.nan)), poses, identity)
    assert_array_equal(evidence.information, 0)
    assert_array_equal(evidence.vector, 0)
    assert np.isfinite(evidence.own).all()


def test_far_marks_count_less(model, case):
    marks, poses, identity = case
    points = marks.points_px.copy()
    points[:, 0] += 500
    evidence = gather(model, replace(marks, points_px=points, robust=3.0), poses, identity)
    assert (evidence.weight[:, 0] < 0.01).all()
    assert (np.median(evidence.weight, axis=1) > 0.2).all()


def test_habits_are_taken_off(model, case):
    marks, poses, identity = case
    habit = np.random.default_rng(1).normal(size=marks.habit_mm.shape)
    points = marks.points_px + habit * poses.scale_px[:, None, None]
    evidence = gather(model, replace(marks, points_px=points, habit_mm=habit), poses, identity)
    expected = gather(model, marks, poses, identity)
    assert_allclose(evidence.vector, expected.vector, rtol=1e-7, atol=1e-7)


def test_expressions_at_a_bound_stay_within_it(model):
    identities, poses = drawn_photos(3)
    beyond = replace(poses, expression=np.full((3, EXPRESSIONS), -0.5))
    marks = marked(placed(model, identities, beyond), expression_sd=10.0)
    at_bound = replace(poses, expression=np.zeros((3, EXPRESSIONS)))
    found = at_bound
    for _ in range(4):
        found = settle(model, marks, found, identities)
        assert_array_equal(found.expression, 0)
    evidence = gather(model, marks, at_bound, identities)
    # What is held takes no step, and moves nothing else.
    assert np.abs(evidence.own[:, 6:]).max() < 1e-6
    assert np.abs(evidence.own_by_identity[:, 6:]).max() < 1e-6


def test_unbounded_expressions_leave(model):
    identities, poses = drawn_photos(3)
    beyond = replace(poses, expression=np.full((3, EXPRESSIONS), -0.5))
    marks = marked(placed(model, identities, beyond), expression_sd=10.0)
    found = replace(poses, expression=np.zeros((3, EXPRESSIONS)))
    for _ in range(6):
        found = settle(replace(model, bounds=None), marks, found, identities)
    assert_allclose(found.expression, -0.5, atol=1e-2)


def test_moving_turning_and_enlarging_the_picture_changes_no_evidence(model, case):
    marks, poses, identity = case
    angle, zoom, offset = 0.3, 1.7, np.array([40.0, -20.0])
    roll = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    whole = np.eye(3)
    whole[:2, :2] = roll
    points = zoom * marks.points_px @ roll.T + offset
    other = Poses(
        whole @ poses.rotation,
        zoom * poses.scale_px,
        zoom * poses.shift_px @ roll.T + offset,
        poses.expression,
    )
    first, second = (
        gather(model, replace(marks, points_px=points_px), at, identity)
        for points_px, at in ((marks.points_px, poses), (points, other))
    )
    # All but the faint prior of the pose, which knows directions of the picture.
    assert_allclose(second.information, first.information, rtol=1e-5, atol=1e-5)
    assert_allclose(second.vector, first.vector, rtol=1e-5, atol=1e-4)


def test_photos_do_not_see_each_other(model, case):
    marks, poses, identity = case
    together = gather(model, marks, poses, identity)
    for row in range(3):
        one = slice(row, row + 1)
        alone = gather(model, marks[one], poses[one], identity[one])
        assert_allclose(together.information[one], alone.information, rtol=1e-9)
        assert_allclose(together.vector[one], alone.vector, rtol=1e-9)


def test_order_of_the_points_does_not_matter(model, case):
    marks, poses, identity = case
    order = np.random.default_rng(0).permutation(POINTS)
    shuffled = replace(
        model,
        mean_mm=model.mean_mm[order],
        identity_mm=model.identity_mm[:, order],
        expression_mm=model.expression_mm[:, order],
        corrective_mm=model.corrective_mm[:, :, order],
    )
    others = replace(marks, points_px=marks.points_px[:, order])
    first, second = gather(model, marks, poses, identity), gather(shuffled, others, poses, identity)
    assert_allclose(second.information, first.information, rtol=1e-9)
    assert_allclose(second.residual_mm, first.residual_mm[:, order], rtol=1e-9)


def test_half_the_precision_is_enough(case):
    marks, poses, identity = case
    whole, half = (gather(small_model(dtype), marks, poses, identity) for dtype in (np.float64, np.float32))
    assert half.information.dtype == np.float32
    assert_allclose(
        half.information, whole.information, rtol=1e-3, atol=1e-3 * np.abs(whole.information).max()
    )


def test_guesses_of_poses_pull(model, case):
    marks, poses, identity = case
    guess = off(poses, seed=9)
    sure = replace(marks, guess=PoseGuess(guess, 1e-6, 1e-6, 1e-6))
    found = poses
    for _ in range(4):
        found = settle(model, sure, found, identity)
    assert_allclose(found.rotation, guess.rotation, atol=1e-4)
    assert_allclose(found.scale_px, guess.scale_px, rtol=1e-4)
    assert_allclose(found.shift_px, guess.shift_px, atol=1e-2)
    vague = replace(marks, guess=PoseGuess(guess, 1e6, 1e6, 1e6))
    free = settle(model, marks, poses, identity)
    assert_allclose(settle(model, vague, poses, identity).rotation, free.rotation, atol=1e-6)
    assert vague[1:].guess.poses.scale_px.shape == (2,)


def test_start_poses_meet_the_marks(model):
    identities, poses = drawn_photos(3)
    still = replace(poses, expression=np.full((3, EXPRESSIONS), 0.4))
    marks = marked(placed(model, np.zeros_like(identities), still))
    found = start_poses(model, marks, poses.rotation)
    assert_allclose(found.scale_px, poses.scale_px, rtol=1e-6)
    assert_allclose(found.shift_px, poses.shift_px, atol=1e-4)


def test_steps_are_limited(model):
    identities, poses = drawn_photos(2)
    marks = marked(placed(model, identities, poses) * 50)
    found = settle(model, marks, poses, identities)
    assert (found.scale_px <= 1.4 * poses.scale_px + 1e-9).all()


@pytest.mark.parametrize("length", [0.0, 1e-8, 0.3, 2.5])
def test_turns_and_their_vectors(length):
    direction = np.array([[2.0, -1.0, 2.0]]) / 3
    turned = turn(length * direction)
    assert_allclose(turned @ turned.transpose(0, 2, 1), np.eye(3)[None], atol=1e-12)
    assert_allclose(turned @ direction[..., None], direction[..., None], atol=1e-12)
    assert_allclose(np.trace(turned[0]), 1 + 2 * np.cos(length), atol=1e-12)
    assert_allclose(turn_vector(turned), length * direction, atol=1e-7)


def test_poses_joined_are_those_of_each():
    _, poses = drawn_photos(3)
    joined = Poses.joined([poses[:1], poses[1:]])
    assert_array_equal(joined.rotation, poses.rotation)
    assert len(joined) == 3
