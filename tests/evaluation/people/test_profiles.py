import numpy as np
import pytest
from numpy.testing import assert_allclose
from packed_sources import make_images, write_source

from monoface.cli.main import main
from monoface.core.errors import ConfigError, DataError
from monoface.data.sources import Cfp
from monoface.evaluation.people.profile_fit import MarkedProfiles, PosedProfiles, ProfileFitter
from monoface.evaluation.people.profile_people import ProfilePeople
from monoface.evaluation.people.profiles import EvaluateProfilesConfig, score, summarise


def write_cfp(folder, person, profile, size=(60, 50)):
    rng = np.random.default_rng(0)
    points = rng.uniform(10, 40, (len(person), 30, 2)).astype(np.float32)
    # The tip of the nose to the left of the ear in even photos, to its right in odd ones.
    points[:, :3, 0] = 25
    points[:, 21, 0] = np.where(np.arange(len(person)) % 2 == 0, 5, 45)
    images = make_images(len(person), *size)
    labels = {"person": np.array(person), "profile": np.array(profile)}
    return write_source(folder, images, points30_px=points, **labels)


@pytest.fixture
def folder(tmp_path):
    person = [1, 1, 1, 340, 340, 340, 350, 350, 350, 360]
    profile = [False, True, True, False, False, True, False, True, True, False]
    return write_cfp(tmp_path / "cfp", person, profile)


def test_people_with_frontal_photos_and_profiles_are_taken_the_last_first(folder):
    everyone = ProfilePeople.of(Cfp(folder), 10)
    assert everyone.names == [1, 340, 350]
    assert everyone.front.tolist() == [0, 3, 6]
    assert everyone.rows.tolist() == [1, 2, 5, 7, 8]
    assert everyone.marked.person.tolist() == [0, 0, 1, 2, 2]
    assert everyone.marked.looks_left.tolist() == [False, True, False, False, True]
    assert_allclose(everyone.marked.points_px[0], Cfp(folder).points30_px[1][[8, *range(9, 30)]])
    assert ProfilePeople.of(Cfp(folder), 2).names == [340, 350]
    assert ProfilePeople.of(Cfp(folder, split="val"), 10).names == [340, 350]


def test_nobody_to_look_at_is_told(folder):
    with pytest.raises(DataError, match=r"got 1\. Two are needed; --split all"):
        ProfilePeople.of(Cfp(folder, split="train"), 10)


class Fitter(ProfileFitter):
    """Distances that follow from the first coefficient: the mean face has 3 mm, the fit 1 mm."""

    def __init__(self, marked):
        self.profiles = marked

    def pose(self, identity=None):
        shift = np.zeros(self.profiles.people) if identity is None else identity[:, 0]
        distance_mm = np.repeat((3.0 - shift)[self.profiles.person, None], 22, axis=1)
        return PosedProfiles(distance_mm, self.profiles.points_px)

    def fit(self):
        return np.full((self.profiles.people, 2), 2.0)


@pytest.fixture
def people(folder):
    return ProfilePeople.of(Cfp(folder), 10)


def scored(people, *first):
    identity = np.array([[value, 0.0] for value in first])
    fitter = Fitter(people.marked)
    return score(fitter, identity, fitter.pose(identity), np.full(len(first), 0.5))


def test_figures_by_hand(people):
    scores = scored(people, 1.0, 0.5, 0.0)
    assert_allclose(scores["found_mm"], [2, 2.5, 3])
    # The first person is compared with the last one's shape.
    assert_allclose(scores["another_mm"], [3, 2, 2.5])
    assert_allclose(scores["knows_percent"], [50, 25, 0])
    assert_allclose(scores["over_another_percent"], [50, -25, -25])
    report = summarise(people, scores, failures={}, settings={})
    figures = report.figures["all"]
    assert_allclose(figures["knows_percent"], 100 * (3 - 2.5) / (3 - 1))
    assert_allclose(figures["over_another_percent"], 0, atol=1e-9)
    low, high = report.intervals_95["knows_percent"].low, report.intervals_95["knows_percent"].high
    assert 0 <= low < 25 < high <= 50


def test_a_shape_of_everybody_knows_but_is_not_over_anothers(people):
    figures = summarise(people, scored(people, 1, 1, 1), failures={}, settings={}).figures["all"]
    assert_allclose([figures["knows_percent"], figures["over_another_percent"]], [50, 0], atol=1e-9)


def test_photos_without_a_face_count_with_the_mean_face_and_are_named(people):
    report = summarise(people, scored(people, 0, 1, 1), failures={0: "no face was found"}, settings={})
    assert report.cases[0].errors["knows_percent"] == 0
    assert report.findings[0].message == "counted with the mean face: person0001: no face was found."


def test_the_command_writes_a_page_even_without_faces(folder, tmp_path, capsys):
    out = tmp_path / "r.json"
    words = ["evaluate", "profiles", "--data", str(folder), "--out", str(out), "--split", "all"]
    assert main(words) == 0
    assert "knows, %" in capsys.readouterr().out
    assert "counted with the mean face: person0001: no face was found" in (tmp_path / "r.html").read_text()
    assert main(words) == 2


def test_the_shipped_weights_are_measured_as_the_note_says(data_dir, tmp_path):
    from monoface.evaluation.people.profiles import run

    config = EvaluateProfilesConfig(data_dir / "cfp", tmp_path / "r.json", people=6)
    report = run(config)
    figures = report.figures["all"]
    assert not report.findings
    assert figures["fitted_mm"] < figures["mean_face_mm"] < 3.5
    assert figures["knows_percent"] > -100
    assert report.settings["profiles"] == "24"


def test_one_person_is_too_few(tmp_path):
    with pytest.raises(ConfigError, match="people: expected at least 2, got 1"):
        EvaluateProfilesConfig(tmp_path, tmp_path / "r.json", people=1)


def test_marks_know_how_many_people_they_are_of():
    marked = MarkedProfiles(np.zeros((3, 22, 2)), np.zeros(3, bool), np.array([0, 2, 2]))
    assert marked.people == 3
