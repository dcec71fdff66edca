"""Who is seen: the identities of all people of all sources, and what faces there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.data.people.config import PeopleConfig
from monoface.data.people.habits import Habits
from monoface.data.people.identities import (
    IdentityMarks,
    PeopleEvidence,
    VertexSpread,
    people_means,
    solve_people,
    strangers,
)
from monoface.data.people.labels import KEPT, LOOK_ALIKE, STRANGER, KnownFaces, PhotoLabels, label_photos
from monoface.data.people.looks import DESCRIPTOR, Looks
from monoface.data.people.marks import SourceMarks
from monoface.data.people.photos import NOBODY, PeoplePhotos
from monoface.facemodel import FaceModel
from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.population import Gaussians, PeopleSeen, Population, learn_population

_SINGLES_TOGETHER = 1024


@dataclass(frozen=True)
class SourceFaces:
    """What is known of a source before people are: its photos, what networks see, marks and habits.

    Attributes:
        photos: Of the source.
        looks: What networks see in them.
        marks: Of the photos.
        habits: Of the marks.
        features: Of each photo: its descriptor; NaN where the face is not seen from the front.
        reason: Why a photo takes no part, or `KEPT`.
    """

    photos: PeoplePhotos
    looks: Looks
    marks: SourceMarks
    habits: Habits
    features: Float[np.ndarray, "photos features"]
    reason: tuple[str, ...]

    @classmethod
    def of(
        cls, photos: PeoplePhotos, looks: Looks, marks: SourceMarks, habits: Habits, config: PeopleConfig
    ) -> "SourceFaces":
        """With strangers left out."""
        features = np.where(marks.mesh[:, None], looks.descriptor, np.nan).astype(np.float64)
        known = photos.person != NOBODY
        foreign = strangers(features, photos.person, marks.mesh & known, config.stranger_distance)
        reason = tuple(STRANGER if one else KEPT for one in foreign & known)
        return cls(photos, looks, marks, habits, features, reason)

    @property
    def taking_part(self) -> Bool[np.ndarray, " photos"]:
        """Photos that may tell of people."""
        return self.marks.usable & np.array([one == KEPT for one in self.reason])

    @property
    def showing_somebody(self) -> Bool[np.ndarray, " photos"]:
        """Photos that may tell of people and show somebody with a number."""
        somebody: np.ndarray = self.taking_part & (self.photos.person != NOBODY)
        return somebody

    def without(self, people: Int[np.ndarray, " people"], reason: str) -> "SourceFaces":
        """The same without some people."""
        out = np.isin(self.photos.person, people)
        reasons = (reason if gone else one for gone, one in zip(out, self.reason, strict=True))
        return replace(self, reason=tuple(reasons))


@dataclass(frozen=True)
class KnownPeople:
    """The people of a source.

    Attributes:
        number: Of each person in the source.
        identity: Of each.
        evidence: What photos say, prior aside; poses are those of `rows`.
        rows: Photos that took part.
        expected: Identity of each person before any mark was looked at.
    """

    number: Int[np.ndarray, " people"]
    identity: Gaussians
    evidence: PeopleEvidence
    rows: Int[np.ndarray, " photos"]
    expected: Float[np.ndarray, "people identity"]


def leave_out_look_alikes(
    sources: Mapping[str, SourceFaces], config: PeopleConfig, against: str = "cfp"
) -> dict[str, SourceFaces]:
    """Sources without people who may be those that are held out in another."""
    if against not in sources:
        return dict(sources)
    judge = sources[against]
    held_out = _descriptors(judge, judge.photos.held_out)[1]
    kept = {}
    for name, source in sources.items():
        number, mean = _descriptors(source, source.photos.person != NOBODY)
        if name == against or not len(number) or not len(held_out):
            kept[name] = source
            continue
        apart = np.linalg.norm(mean[:, None] - held_out[None], axis=-1).min(axis=1)
        kept[name] = source.without(number[apart <= config.look_alike_distance], LOOK_ALIKE)
    return kept


def sources_with_people(
    sources: Mapping[str, SourceFaces], model: FaceModel, config: PeopleConfig
) -> tuple[str, ...]:
    """Names of the sources in which somebody is known by marks that tell of identity."""
    return tuple(
        name
        for name, source in sources.items()
        if (source.showing_somebody & IdentityMarks.of(source.marks, source.habits, model, config).told).any()
    )


def learn_people(
    sources: Mapping[str, SourceFaces], model: FaceModel, config: PeopleConfig
) -> tuple[Population, dict[str, KnownPeople]]:
    """What faces there are, from people of whom several photos are known; and who these people are.

    Held-out people get identities, but teach nothing.
    """
    standard = Population.standard(model.identity_size)
    named = {name: sources[name] for name in sources_with_people(sources, model, config)}
    if not named:
        return Population.standard(model.identity_size, DESCRIPTOR), {}
    teachers = set(config.teachers) & named.keys() or named.keys()
    first = {name: _solved(named[name], model, standard, config) for name in named if name in teachers}
    population = _learned(sources, first, config)
    known = {
        name: _solved(source, model, population, config, first.get(name)) for name, source in named.items()
    }
    return population, known


def label_source(
    source: SourceFaces,
    known: KnownPeople | None,
    population: Population,
    model: FaceModel,
    config: PeopleConfig,
) -> PhotoLabels:
    """Labels of all photos of a source: people's identities, and those of single photos from themselves."""
    spread = VertexSpread.of(model)
    count, size = len(source.photos), model.identity_size
    identity, variance = np.zeros((count, size)), np.full(count, spread.prior_mm2)
    poses = source.marks.poses
    named = np.zeros(count, dtype=bool)
    if known is not None:
        place = np.searchsorted(known.number, source.photos.person).clip(0, len(known.number) - 1)
        named = known.number[place] == source.photos.person
        identity[named] = known.identity.mean[place[named]]
        variance[named] = spread.variance_mm2(known.identity.covariance)[place[named]]
        poses = _put(poses, known.rows, known.evidence.poses)
    single = np.flatnonzero(~named & source.taking_part)
    if len(single):
        identity[single], variance[single], found = _singles(source, single, population, model, config)
        poses = _put(poses, single, found)
    faces = KnownFaces(identity, variance, poses, spread.prior_mm2)
    return label_photos(source.marks, source.looks, source.habits, faces, model, config, source.reason)


def _solved(
    source: SourceFaces,
    model: FaceModel,
    population: Population,
    config: PeopleConfig,
    before: KnownPeople | None = None,
) -> KnownPeople:
    """Identities of a source's people; a second time around, from where the first one ended."""
    marks = IdentityMarks.of(source.marks, source.habits, model, config)
    rows = np.flatnonzero(source.showing_somebody & marks.told)
    number, who = np.unique(source.photos.person[rows], return_inverse=True)
    if population.weights.size:
        told = np.isfinite(source.features[rows]).all(axis=1)
        expected = people_means(population.expected(source.features[rows][told]), who[told], len(number))
        expected = np.where(np.isfinite(expected), expected, population.mean)
    else:
        expected = np.repeat(population.mean[None], len(number), axis=0)
    chosen = marks[rows]
    if before is not None:
        chosen = replace(chosen, poses=before.evidence.poses)
    rounds = config.rounds if before is None else config.single_rounds
    identity, evidence = solve_people(chosen, who, expected, population, rounds)
    return KnownPeople(number, identity, evidence, rows, expected)


def _learned(
    sources: Mapping[str, SourceFaces], found: Mapping[str, KnownPeople], config: PeopleConfig
) -> Population:
    """The population of all people that are not held out."""
    parts: list[PeopleSeen] = []
    people = 0
    for name, known in found.items():
        source = sources[name]
        told = np.isfinite(source.features[known.rows]).all(axis=1)
        rows = known.rows[told & ~source.photos.held_out[known.rows]]
        number, who = np.unique(source.photos.person[rows], return_inverse=True)
        place = np.searchsorted(known.number, number)
        evidence = known.evidence
        kind = np.zeros(len(number), np.int64)
        parts.append(
            PeopleSeen(
                source.features[rows], who + people, evidence.information[place], evidence.vector[place], kind
            )
        )
        people += len(number)
    if not people:
        return Population.standard(next(iter(found.values())).expected.shape[1], DESCRIPTOR)
    return learn_population(_joined(parts), config.population)


def _joined(parts: Sequence[PeopleSeen]) -> PeopleSeen:
    names = ("features", "person", "information", "vector", "kind")
    return PeopleSeen(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _singles(
    source: SourceFaces,
    rows: Int[np.ndarray, " photos"],
    population: Population,
    model: FaceModel,
    config: PeopleConfig,
) -> tuple[Float[np.ndarray, "photos identity"], Float[np.ndarray, " photos"], Poses]:
    """Identities of photos that stand for themselves, the variance of their vertices, and their poses."""
    marks, spread = IdentityMarks.of(source.marks, source.habits, model, config), VertexSpread.of(model)
    identities, variances, poses = [], [], []
    for start in range(0, len(rows), _SINGLES_TOGETHER):
        some = rows[start : start + _SINGLES_TOGETHER]
        expected = population.expected(source.features[some])
        found, evidence = solve_people(
            marks[some], np.arange(len(some)), expected, population, config.single_rounds
        )
        identities.append(found.mean)
        variances.append(spread.variance_mm2(found.covariance))
        poses.append(evidence.poses)
    return np.concatenate(identities), np.concatenate(variances), Poses.joined(poses)


def _put(poses: Poses, rows: np.ndarray, other: Poses) -> Poses:
    """Poses with some replaced."""
    values = {}
    for name in ("rotation", "scale_px", "shift_px", "expression"):
        values[name] = getattr(poses, name).copy()
        values[name][rows] = getattr(other, name)
    return Poses(**values)


def _descriptors(
    source: SourceFaces, chosen: Bool[np.ndarray, " photos"]
) -> tuple[Int[np.ndarray, " people"], Float[np.ndarray, "people features"]]:
    """Mean descriptor of each person."""
    rows = np.flatnonzero(chosen & source.taking_part & np.isfinite(source.features).all(axis=1))
    number, who = np.unique(source.photos.person[rows], return_inverse=True)
    return number, people_means(source.features[rows], who, len(number))
