"""The label engine from photos to packs: what it finds and leaves out, and that it can be interrupted."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from known_faces import ToldEyes, known_faces, photos_of

from monoface.core.errors import DataError
from monoface.data.packs.photo_pack import FACE_PX
from monoface.data.people.engine import PeopleRun, make_labels
from monoface.data.people.photos import NOBODY
from monoface.data.people.report import Neutrals
from monoface.data.people.storage import load_labels, load_people
from monoface.data.preparing.prepared import PreparedFolder
from monoface.facemodel import CoefficientLayout

HELD_OUT = 5


class StoppedError(Exception):
    """Interrupts a run."""


def tree(folder):
    """Contents of all files, by their paths."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def run_into(six_people, people_config, model):
    def run(out, faces=None, config=None, eyes=None, **photos):
        faces = faces or six_people
        source = photos_of(faces, held_out_people=(HELD_OUT,), **photos)
        return PeopleRun([source], out, model, eyes or ToldEyes(faces), config or people_config)

    return run


@pytest.fixture(scope="module")
def finished(run_into, tmp_path_factory):
    """A run from its beginning to its end: its folder, its report, and what it told of on the way."""
    out = tmp_path_factory.mktemp("finished")
    told = []
    report = make_labels(run_into(out), lambda *words: told.append(words))
    return out, report, told


def test_an_interrupted_run_ends_in_the_same_files(finished, run_into, tmp_path):
    whole, report, told = finished
    assert len({stage for stage, _, _ in told}) >= 5
    stopped = set()

    def tell(stage, done, total):
        """Stops at the beginning, in the middle and at the end of every stage, once each."""
        if done in (0, total // 2, total) and (stage, done) not in stopped:
            stopped.add((stage, done))
            raise StoppedError

    again = None
    while again is None:
        before = len(stopped)
        try:
            again = make_labels(run_into(tmp_path), tell)
        except StoppedError:
            assert len(stopped) == before + 1
    assert {stage for stage, _ in stopped} == {stage for stage, _, _ in told}
    assert again == report
    assert tree(tmp_path) == tree(whole)


def test_a_finished_run_is_not_made_again(finished, run_into, six_people):
    out, report, _ = finished
    eyes = ToldEyes(six_people)
    before = tree(out)
    assert make_labels(run_into(out, eyes=eyes)) == report
    assert eyes.looked == 0
    assert tree(out) == before


def test_people_are_nearer_to_the_truth_than_the_mean_face(finished, six_people, model):
    people = load_people(finished[0] / "mine" / "people.npz")
    assert people.number.tolist() == [0, 1, 2, 3, 4, 5]
    true = six_people.identity[::4]
    neutrals = Neutrals(model)
    error = neutrals.apart_mm(people.identity.mean, true)
    from_mean = neutrals.apart_mm(np.zeros_like(true), true)
    assert (error < 0.5 * from_mean).all()
    other = neutrals.apart_mm(people.identity.mean, np.roll(true, 1, axis=0))
    assert (error < other).all()


def test_halves_of_a_person_are_nearer_than_those_of_two(finished):
    halves = finished[1]["people"]["mine"]["halves"]
    assert halves["people"] == 6
    assert halves["same person mm"] < 0.5 * halves["another person mm"]
    assert halves["same nearer percent"] == 100
    assert "nearer in 100.0 %" in (finished[0] / "report.txt").read_text()


def test_photos_of_a_person_share_the_identity(finished, six_people):
    labels = load_labels(finished[0] / "mine" / "labels.npz")
    assert labels.kept.all()
    for person in range(6):
        assert np.ptp(labels.identity[six_people.person == person], axis=0).max() == 0
    assert (labels.residual_mm < 1).all()
    assert (labels.trust > 0.5).all()


def test_packs_hold_what_labels_say(finished, six_people, model):
    out = finished[0] / "mine"
    folder = PreparedFolder(out)
    assert folder.terms == "Terms of mine."
    kept = [pack for pack in folder.packs() if len(pack)]
    validation = [pack for pack in folder.validation_packs() if len(pack)]
    assert sum(map(len, kept)) == 20
    assert sum(map(len, validation)) == 4
    labels = load_labels(out / "labels.npz")
    training = six_people.person != HELD_OUT
    trust = np.concatenate([pack.trust for pack in kept])
    np.testing.assert_allclose(trust, labels.trust[training], rtol=1e-6)
    outputs = torch.from_numpy(np.concatenate([pack.outputs for pack in kept]))
    coefficients, _ = CoefficientLayout.of(model).decode_weak(outputs, FACE_PX)
    np.testing.assert_allclose(coefficients.identity.numpy(), labels.identity[training], atol=1e-4)
    marks = np.concatenate([pack.points_px["facemesh468"] for pack in kept])
    assert np.isfinite(marks).all()
    records = [json.loads(line) for line in (out / "photos.jsonl").read_text().splitlines()]
    assert [one["outcome"] for one in records] == 24 * ["kept"]
    assert [one.get("held_out", False) for one in records] == 20 * [False] + 4 * [True]


def test_descriptors_are_removed_once_all_is_done(
    finished, run_into, six_people, people_config, model, tmp_path
):
    assert not list(finished[0].rglob("*.descriptors.npy"))
    keeping = PeopleRun(
        [photos_of(six_people)], tmp_path, model, ToldEyes(six_people), people_config, keep_descriptors=True
    )
    make_labels(keeping)
    assert list(tmp_path.rglob("*.descriptors.npy"))
    # As after a run that was killed between its report and its end.
    make_labels(PeopleRun([photos_of(six_people)], tmp_path, model, ToldEyes(six_people), people_config))
    assert not list(tmp_path.rglob("*.descriptors.npy"))


def test_people_who_lack_on_disk_are_found_again(finished, run_into, tmp_path):
    made = []

    def tell(stage, done, total):
        if stage.startswith("packs") and not made:
            made.append(stage)
            raise StoppedError

    with pytest.raises(StoppedError):
        make_labels(run_into(tmp_path), tell)
    (tmp_path / "mine" / "people.npz").unlink()
    (tmp_path / "mine" / "labels.npz").unlink()
    make_labels(run_into(tmp_path))
    assert tree(tmp_path) == tree(finished[0])


def test_strangers_bad_fits_and_lacking_faces_are_left_out(six_people, people_config, model, tmp_path):
    faces = known_faces(six_people.person)
    faces.descriptor[2] = faces.descriptor[9]
    # Marks of which a part lies where no face has them; the rest keeps the face upright.
    faces.mesh_px[6, :468:2, :2] += (30, 0)
    run = PeopleRun([photos_of(faces)], tmp_path, model, ToldEyes(faces, absent=[13]), people_config)
    report = make_labels(run)
    labels = load_labels(tmp_path / "mine" / "labels.npz")
    assert (labels.outcome[2], labels.outcome[6], labels.outcome[13]) == ("stranger", "bad_fit", "no_marks")
    assert report["sources"]["mine"]["photos"] == {"kept": 21, "stranger": 1, "bad_fit": 1, "no_marks": 1}
    assert 2 not in load_people(tmp_path / "mine" / "people.npz").rows


def test_people_who_look_like_held_out_ones_are_left_out(people_config, model, tmp_path):
    judged, others = known_faces(np.repeat([0, 1], 3)), known_faces(np.repeat([1, 7], 3), seed=4)
    photos = [photos_of(judged, "cfp", held_out_people=(1,)), photos_of(others, "more")]

    class BothEyes(ToldEyes):
        """Looks at one source after the other."""

        def look(self, image, *, find):
            self._faces = judged if self.looked < 6 else others
            return super().look(image, find=find)

    make_labels(PeopleRun(photos, tmp_path, model, BothEyes(judged), people_config))
    labels = load_labels(tmp_path / "more" / "labels.npz")
    assert labels.outcome == 3 * ("looks_like_validation",) + 3 * ("kept",)
    assert load_people(tmp_path / "more" / "people.npz").number.tolist() == [7]


def test_photos_of_nobody_stand_for_themselves(six_people, people_config, model, tmp_path):
    faces = known_faces(six_people.person, seed=1)
    photos = photos_of(faces, person=np.where(np.arange(24) < 12, faces.person, NOBODY))
    make_labels(PeopleRun([photos], tmp_path, model, ToldEyes(faces), people_config))
    labels = load_labels(tmp_path / "mine" / "labels.npz")
    assert labels.kept.all()
    assert len(np.unique(labels.identity[12:], axis=0)) == 12
    # Of one photo less is known than of four.
    assert labels.sigma_mm[12:].min() > labels.sigma_mm[:12].max()


def test_people_seen_only_aside_tell_nothing_and_are_labelled_all_the_same(people_config, model, tmp_path):
    faces = known_faces(np.repeat([0, 1], 4), yaw_deg=37.0)
    make_labels(PeopleRun([photos_of(faces)], tmp_path, model, ToldEyes(faces), people_config))
    assert load_labels(tmp_path / "mine" / "labels.npz").kept.all()


def test_another_configuration_does_not_go_on(finished, run_into, people_config):
    with pytest.raises(DataError, match="begun with other configuration, recipe"):
        make_labels(run_into(finished[0], config=replace(people_config, sigma_mm=3.0)))


@pytest.mark.parametrize("names", [(), ("a", "a")])
def test_sources_need_different_names(six_people, people_config, model, tmp_path, names):
    photos = [photos_of(six_people, name) for name in names]
    with pytest.raises(DataError, match="expected sources of different names"):
        make_labels(PeopleRun(photos, tmp_path, model, ToldEyes(six_people), people_config))


@pytest.mark.parametrize("name", ["looks", "lids"])
def test_names_of_the_engines_own_are_refused(six_people, people_config, model, tmp_path, name):
    with pytest.raises(DataError, match=f"source {name}: expected another name"):
        make_labels(
            PeopleRun([photos_of(six_people, name)], tmp_path, model, ToldEyes(six_people), people_config)
        )


def test_damaged_files_are_refused_by_name(run_into, tmp_path):
    def tell(stage, done, total):
        if stage.startswith("packs"):
            raise StoppedError

    with pytest.raises(StoppedError):
        make_labels(run_into(tmp_path), tell)
    for name in ("habits.npz", "population.npz", "mine/people.npz", "mine/labels.npz"):
        path = tmp_path / name
        whole = path.read_bytes()
        path.write_bytes(whole[:200])
        with pytest.raises(
            DataError, match=rf"{path.name}: expected .* cannot read it .* Delete it to make it anew"
        ):
            make_labels(run_into(tmp_path))
        path.write_bytes(whole)
