"""What `monoface data people` writes of people is what `monoface train likeness` reads."""

import numpy as np
from known_faces import MODES
from packed_sources import make_images, write_source

from monoface.data.people.identities import PeopleEvidence
from monoface.data.people.people import KnownPeople
from monoface.data.people.storage import save_people
from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.population import Gaussians
from monoface.training.likeness.people_evidence import people_file, read_people


def test_what_the_engine_writes_is_read(tmp_path):
    person = np.array([3, 3, 8, 8, 8])
    write_source(tmp_path / "lfw", make_images(5, 12, 12), person=person)
    rng = np.random.default_rng(0)
    half = rng.normal(size=(2, MODES, MODES))
    poses = Poses(np.tile(np.eye(3), (4, 1, 1)), np.ones(4), np.zeros((4, 2)), np.zeros((4, 51)))
    evidence = PeopleEvidence(
        half @ half.transpose(0, 2, 1), rng.normal(size=(2, MODES)), poses, np.full(4, 0.5)
    )
    identity = Gaussians(rng.normal(size=(2, MODES)), np.tile(np.eye(MODES), (2, 1, 1)))
    rows = np.array([0, 1, 2, 4])
    people = KnownPeople(np.array([3, 8]), identity, evidence, rows, np.zeros((2, MODES)))
    save_people(people_file(tmp_path / "labels", "lfw"), people, "recipe")
    read = read_people(tmp_path / "labels", tmp_path, "lfw")
    assert read.number.tolist() == [3, 8]
    assert read.person.tolist() == [0, 0, 1, -1, 1]
    np.testing.assert_array_equal(read.identity, identity.mean)
    np.testing.assert_array_equal(read.known.vector, evidence.vector)
    np.testing.assert_allclose(read.known.information, evidence.information, rtol=1e-6, atol=1e-6)
