"""Numbers that are chosen on people that nothing was fitted to."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.facemodel.estimation.refinement import RefineConfig
from monoface.training.likeness.choosing import GridConfig, Validation, choose_discount, choose_join
from monoface.training.likeness.joining import JoinConfig, LearnedPeople
from monoface.training.likeness.judging import ProfileScore
from monoface.training.likeness.marked import MarkedFaces, MarkJudge
from monoface.training.likeness.measuring import Settled
from monoface.training.likeness.people_map import PeopleMap

PEOPLE, SIZE = 40, 4


class Judge:
    """Knows who people are, and scores as profiles would."""

    def __init__(self, identity):
        self.people = list(range(len(identity)))
        self.identity = identity
        self.asked = 0

    def __call__(self, identity):
        self.asked += 1

        def off(one):
            return np.linalg.norm(one - self.identity, axis=1).mean()

        whole = off(np.zeros_like(identity))
        knows = 100 * (whole - off(identity)) / whole
        over = 100 * (off(np.roll(identity, 1, axis=0)) - off(identity)) / whole
        return ProfileScore(knows, over, 2.0)

    def apart_mm(self, first, second):
        return np.linalg.norm(first - second, axis=1)


def learned(weight):
    """A map whose descriptor says the identity times a factor."""
    matrix = np.zeros((128, SIZE))
    matrix[:SIZE] = weight * np.eye(SIZE)
    people = PeopleMap(matrix, np.zeros(SIZE), 0.5 * np.eye(SIZE), np.zeros(SIZE), np.eye(SIZE))
    return LearnedPeople(people, np.zeros(SIZE), np.zeros(SIZE))


@pytest.fixture
def validation(face, photos_of, face_model):
    rng = np.random.default_rng(3)
    identity = rng.normal(size=(PEOPLE, SIZE))
    looks = photos_of(identity, noise_mm=2.0, said=rng.normal(size=identity.shape))
    config = RefineConfig(discount=0.0)
    drawn = rng.normal(size=(30, SIZE))
    heads = Settled.on(face, photos_of(drawn, noise_mm=0.5, said=np.zeros_like(drawn)), config), drawn
    people = Settled.on(face, looks, config)
    nothing = MarkedFaces((), lambda row: None, np.zeros((0, 68, 2)), np.zeros((0, 68), dtype=bool))
    marks = people, MarkJudge(face_model, nothing)
    return Validation(people, np.arange(PEOPLE), Judge(identity), marks, heads)


def test_shares_that_fit_are_chosen(validation):
    grid = GridConfig(descriptor=(0.5, 1.0, 2.0), regressed=(0.0, 0.5), measured=(0.0,))
    lines = []
    worth, join = choose_join(learned(0.5), None, validation, RefineConfig(discount=0.0), grid, lines.append)
    assert join == JoinConfig(2.0, 0.0, 0.0)
    assert len(lines) == 6
    joined = learned(0.5).joined(join)
    assert worth == validation.shape_score(joined, RefineConfig(discount=0.0)).worth


def test_points_count_where_they_know_more_than_the_map(validation):
    known = learned(0.0).joined(JoinConfig(1.0))
    grid = GridConfig(discount=(0.0, 0.5), nuisance=(0.0, 1.0))
    chosen = choose_discount(known, validation, RefineConfig(), grid, lambda line: None)
    assert chosen.discount == 0.5
    assert validation.profiles.asked == 3


def test_points_count_for_the_sake_of_drawn_heads_too(validation):
    """The map knows these people, and nothing of the heads, whose points are very good."""
    people = validation.profiles.identity
    looks = validation.people.looks
    knowing = replace(validation, people=replace(validation.people, looks=replace(looks, identity=people)))
    settled, true = validation.heads
    blind = replace(settled.looks, descriptor=0 * settled.looks.descriptor)
    knowing = replace(knowing, heads=(replace(settled, looks=blind), true))
    grid = GridConfig(discount=(0.0, 0.05))
    known = learned(1.0).joined(JoinConfig(1.0))
    assert knowing.heads_mm(known, RefineConfig(discount=0.05)) < knowing.heads_mm(
        known, RefineConfig(discount=0.0)
    )
    assert choose_discount(known, knowing, RefineConfig(), grid, lambda line: None).discount == 0.05


def test_people_without_a_face_count_as_the_mean(face, validation):
    looks = validation.people.looks[np.arange(1, PEOPLE)]
    part = replace(validation, people=Settled.on(face, looks, RefineConfig()), found=np.arange(1, PEOPLE))
    known = learned(1.0).joined(JoinConfig(1.0))
    identity = part.identities(part.people.concluded(known, RefineConfig(discount=0.0)))
    assert_allclose(identity[0], 0)
    assert_allclose(identity[1:], validation.profiles.identity[1:], atol=1e-6)


def test_the_worth_of_a_score_asks_for_both_and_for_a_spread():
    assert ProfileScore(55, 70, 1.8).worth > ProfileScore(65, 55, 1.8).worth
    assert ProfileScore(55, 70, 1.8).worth > ProfileScore(55, 70, 1.0).worth


class Scan:
    """Knows how large the first coefficient is."""

    name, pictures = "scan", ()

    def __init__(self, true):
        self.true = true

    def __call__(self, identity):
        return abs(float(identity[0]) - self.true)


def test_a_scan_that_disagrees_is_heeded(validation):
    settled = validation.people
    seen = learned(1.0).joined(JoinConfig(1.0))
    config = RefineConfig(discount=0.0)
    found = settled.concluded(seen, config).identity.mean(axis=0)[0]
    near, far = (replace(validation, scan=(settled, Scan(found + off))) for off in (0.0, 1.0))
    assert near.scan_mm(seen, config) == pytest.approx(0.0, abs=1e-9)
    assert near.shape_score(seen, config).worth - far.shape_score(seen, config).worth == pytest.approx(0.5)
    assert "scan 1.00 mm" in str(far.shape_score(seen, config))
    assert validation.scan_mm(seen, config) is None
