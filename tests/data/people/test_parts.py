"""Parts of the label engine: habits, lids, priors of expressions, gaze, strangers."""

import numpy as np
import pytest
from known_faces import ToldEyes, known_faces, photos_of

from monoface.data.people.gaze import iris_offsets_mm
from monoface.data.people.habits import find_habits
from monoface.data.people.identities import people_means, strangers
from monoface.data.people.lids import LidCorrection, eye_gaps, find_lid_correction
from monoface.data.people.looking import look_at_photos
from monoface.data.people.marks import HUMAN, MESH, SETS, expression_prior, read_marks
from monoface.data.people.mesh_points import HUMAN_SET
from monoface.facemodel.estimation.gaze import EyeBalls, gaze_weights


@pytest.fixture
def seen(tmp_path):
    """What eyes see of known faces."""

    def look(faces, blendshapes=None, **photos):
        source = photos_of(faces, **photos)
        return source, look_at_photos(source, ToldEyes(faces, blendshapes), tmp_path / "looks")

    return look


def test_the_habits_of_a_network_are_found_and_taken_off(seen, model, people_config):
    habit = np.zeros((557, 2))
    habit[4] = (0.0, 3.0)
    faces = known_faces(np.arange(30), yaw_deg=0.0, habit_mm=habit)
    source, looks = seen(faces)
    habits = find_habits(read_marks(source, looks, model, people_config), model, people_config)
    # Relative to the points around it, for all people differ from the mean face.
    plain = known_faces(np.arange(30), yaw_deg=0.0)
    source, looks = seen(plain, name="plain")
    without = find_habits(read_marks(source, looks, model, people_config), model, people_config)
    moved = habits.offset_mm[0, MESH] - without.offset_mm[0, MESH]
    np.testing.assert_allclose(moved[4], (0.0, 3.0), atol=0.4)
    assert np.median(np.linalg.norm(moved, axis=1)) < 0.1
    in_picture = habits.of(plain.poses.rotation)[:, 4] - without.of(plain.poses.rotation)[:, 4]
    np.testing.assert_allclose(in_picture, np.tile((0.0, 3.0), (30, 1)), atol=0.4)


def test_human_points_far_from_the_mesh_disprove_it(seen, model, people_config):
    faces = known_faces(np.arange(4), yaw_deg=0.0)
    points = faces.points_px[:, SETS[HUMAN_SET]].astype(np.float32)
    points[2] += (12, 0)
    source, looks = seen(faces, points_px={HUMAN_SET: points})
    marks = read_marks(source, looks, model, people_config)
    assert marks.mesh.tolist() == [True, True, False, True]
    assert marks.usable.all()
    assert np.isnan(marks.points_px[2, MESH]).all()
    assert np.isfinite(marks.points_px[2, HUMAN]).any()


def test_priors_of_expressions_follow_blendshapes_where_there_are_some(seen, model, people_config):
    blendshapes = np.full((2, 52), np.nan)
    blendshapes[0] = 0.0
    names = model.expression_names
    blendshapes[0, 1 + names.index("jawOpen")] = 0.7
    faces = known_faces(np.arange(2))
    _, looks = seen(faces, blendshapes)
    mean, sd = expression_prior(looks, model, people_config)
    jaw, puff, look = (names.index(one) for one in ("jawOpen", "cheekPuff", "eyeLookInLeft"))
    assert mean[:, jaw] == pytest.approx([0.7, people_config.expression_mean])
    assert sd[:, jaw] == pytest.approx([people_config.blendshape_sd, people_config.expression_sd])
    assert sd[:, puff] == pytest.approx(2 * [people_config.hiding_sd])
    assert mean[1, [puff, look]].tolist() == [0, 0]
    assert sd[1, look] == pytest.approx(people_config.hiding_sd)


@pytest.mark.parametrize(("turn_deg", "left", "right"), [(15, "Out", "In"), (-15, "In", "Out")])
def test_eyes_look_where_the_irises_are(seen, model, turn_deg, left, right):
    faces = known_faces(np.zeros(3, int), yaw_deg=[0.0, 15.0, -15.0])
    balls = EyeBalls.of(model)
    angle = np.deg2rad(turn_deg)
    ray = balls.radius_mm * np.array((np.sin(angle), 0.0, np.cos(angle)))
    iris = (balls.centres(faces.identity) + ray) @ faces.poses.rotation.transpose(0, 2, 1)
    _, looks = seen(faces)
    scale, shift = faces.poses.scale_px[:, None, None], faces.poses.shift_px[:, None]
    looks.points_px[:, 473], looks.points_px[:, 468] = (iris[..., :2] * scale + shift).transpose(1, 0, 2)
    offsets = iris_offsets_mm(balls, looks, faces.poses, faces.identity)
    weights = gaze_weights(balls, offsets, faces.poses.rotation, np.zeros((3, 2)))
    ways = {"In": 0, "Out": 1}
    for eye, way in enumerate((left, right)):
        np.testing.assert_allclose(
            weights[:, eye, ways[way]] * balls.turn_rad[ways[way]], abs(angle), atol=0.02
        )
        assert np.abs(weights[:, eye, 1 - ways[way]]).max() == 0
    shut = gaze_weights(balls, offsets, faces.poses.rotation, np.ones((3, 2)))
    assert np.abs(shut).max() == 0


def test_lids_open_as_far_as_people_mark_them():
    faces = known_faces(np.arange(40), yaw_deg=0.0, expressions={
        name: np.linspace(0, 0.8, 40) for name in ("eyeBlinkLeft", "eyeBlinkRight")
    })  # fmt: skip
    mesh = faces.points_px[:, MESH]
    human = faces.points_px[:, SETS[HUMAN_SET]]
    # A network whose lids open less far than the face's, which people mark wider still: within twice as far.
    timid = LidCorrection(0.7, 0.0).corrected(mesh)
    correction, count = find_lid_correction(timid, human, np.ones(40, bool))
    assert count == 80
    opened = eye_gaps(correction.corrected(timid), human=False)
    wanted = eye_gaps(human, human=True)
    assert np.abs(opened - wanted).mean() < 0.3 * np.abs(eye_gaps(timid, human=False) - wanted).mean()


def test_few_eyes_correct_no_lids():
    faces = known_faces(np.arange(5), yaw_deg=0.0)
    human = faces.points_px[:, SETS[HUMAN_SET]]
    correction, count = find_lid_correction(faces.points_px[:, MESH], human, np.ones(5, bool))
    assert (correction, count) == (LidCorrection(), 0)
    np.testing.assert_allclose(
        correction.corrected(faces.points_px[:, MESH]), faces.points_px[:, MESH], atol=1e-9
    )


def test_strangers_are_far_from_most_others_of_the_person():
    descriptor = np.repeat(np.eye(3), (4, 3, 2), axis=0)
    descriptor[1] = (0, 0, 1)
    descriptor[8] = np.nan
    person = np.repeat((0, 1, 2), (4, 3, 2))
    found = strangers(descriptor, person, np.ones(9, bool), 0.6)
    assert found.nonzero()[0].tolist() == [1]
    # Photos in which the face is not clear tell nothing of that.
    assert not strangers(descriptor, person, np.arange(9) != 1, 0.6).any()


def test_people_without_photos_have_no_mean():
    means = people_means(np.array([[1.0], [3.0]]), np.array([1, 1]), 2)
    assert np.isnan(means[0, 0])
    assert means[1, 0] == 2
