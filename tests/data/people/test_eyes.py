"""Eyes cut out of photos: which, where, and what is known of them."""

import numpy as np
import pytest
from known_faces import ToldEyes, known_faces, photos_of

from monoface.core.errors import DataError
from monoface.data.people.eyes import eye_pack
from monoface.data.people.looking import look_at_photos
from monoface.data.people.marks import SETS
from monoface.data.people.mesh_points import EYES_68, HUMAN_SET
from monoface.networks.eyes.outputs import EYE_SHAPES, gap_of


@pytest.fixture
def pack_of(tmp_path, model):
    def made(faces, blendshapes=None, absent=(), **photos):
        source = photos_of(faces, **photos)
        eyes = ToldEyes(faces, blendshapes, absent)
        looks = look_at_photos(source, eyes, tmp_path / "looks", describe=False)
        assert np.isnan(looks.descriptor).all()
        return eye_pack(source, looks, model.expression_names, 0.9)

    return made


def marks_of(faces):
    return faces.points_px[:, SETS[HUMAN_SET]].astype(np.float32)


def test_each_eye_has_its_own_labels(pack_of, model):
    blendshapes = np.zeros((3, 52))
    blendshapes[:, 1 + model.expression_names.index("eyeBlinkLeft")] = 0.9
    faces = known_faces(np.arange(3), yaw_deg=0.0, expressions={"eyeBlinkLeft": np.ones(3)})
    seen = np.ones((3, 68), bool)
    seen[1, 37] = False
    pack = pack_of(faces, blendshapes, points_px={HUMAN_SET: marks_of(faces)}, seen=seen, held_out_people=[2])
    # The right eye of each photo, then the left one.
    assert len(pack) == 6
    assert pack.held_out.tolist() == [False] * 4 + [True] * 2
    assert pack.shapes[:, EYE_SHAPES.index("eyeBlink")] == pytest.approx([0, 0.9] * 3)
    for gap in (gap_of(pack.meshed), gap_of(pack.marked)[[0, 1, 4, 5]]):
        assert gap[::2].min() > 0.25
        assert gap[1::2].max() < 0.13
    assert np.isnan(pack.marked[2, 2]).all()
    assert np.isfinite(pack.marked[3]).all()
    # Outer corners lie at image left in both.
    assert pack.meshed[:, 0, 0].max() < -0.3
    assert pack.meshed[:, 1, 0].min() > 0.3
    # Irises of eyes that look ahead lie between the corners.
    assert np.abs(pack.iris).max() < 0.25


def test_marks_of_which_nobody_says_whether_they_are_seen_teach_nothing(pack_of):
    faces = known_faces(np.arange(2), yaw_deg=0.0)
    pack = pack_of(faces, points_px={HUMAN_SET: marks_of(faces)})
    assert np.isnan(pack.marked).all()
    assert np.isfinite(pack.meshed).all()


def test_eyes_without_mesh_are_found_by_their_marks_and_other_faces_are_not_believed(pack_of):
    faces = known_faces(np.arange(3), yaw_deg=0.0)
    marks = marks_of(faces)
    marks[1] += (25, 0)
    pack = pack_of(faces, absent=[0], points_px={HUMAN_SET: marks}, seen=np.ones((3, 68), bool))
    assert len(pack) == 6
    assert np.isnan(pack.meshed[:4]).all()
    assert np.isfinite(pack.meshed[4:]).all()
    assert np.isfinite(pack.marked).all()


def test_eyes_that_are_turned_away_are_left_out(pack_of):
    faces = known_faces(np.arange(2), yaw_deg=70.0)
    assert len(pack_of(faces)) == 2


def test_photos_without_eyes_are_refused(pack_of):
    faces = known_faces(np.arange(2), yaw_deg=0.0)
    with pytest.raises(DataError, match="expected photos that show eyes, found none of 2"):
        pack_of(faces, absent=[0, 1])


def test_people_and_mesh_mark_the_same_six_points_of_each_eye(model):
    faces = known_faces(np.arange(4), yaw_deg=0.0)
    marks = marks_of(faces)
    assert all(len(set(eye)) == 6 for eye in EYES_68)
    for outer, inner, *lids in EYES_68:
        middle = (marks[:, outer] + marks[:, inner]) / 2
        assert (marks[:, lids[:2], 1] < middle[:, None, 1]).all()
        assert (marks[:, lids[2:], 1] > middle[:, None, 1]).all()
