"""One identity a person, from all photos of the person, in information form."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.data.people.config import PeopleConfig
from monoface.data.people.habits import Habits
from monoface.data.people.marks import HUMAN, MESH, SourceMarks, all_points
from monoface.data.people.mesh_points import identity_points
from monoface.facemodel import FaceModel
from monoface.facemodel.estimation.evidence import MarkedPhotos, PointModel, Poses, gather
from monoface.facemodel.estimation.marked_poses import settled, slices, yaw_rad
from monoface.facemodel.estimation.population import Gaussians, Population, size_direction

_FIRST_STEPS = 4


@dataclass(frozen=True)
class PeopleEvidence:
    """What photos say of people's identities, prior aside.

    Attributes:
        information: Sum over a person's photos.
        vector: `information` times the identity at which the evidence alone is at its best.
        poses: Of the photos.
        residual_mm: Mean distance of each photo's marks from its face; NaN without any.
    """

    information: Float[np.ndarray, "people identity identity"]
    vector: Float[np.ndarray, "people identity"]
    poses: Poses
    residual_mm: Float[np.ndarray, " photos"]


@dataclass(frozen=True)
class IdentityMarks:
    """What of the marks of some photos tells of identity.

    Attributes:
        model: The face model at the points used.
        marked: The marks.
        poses: First poses.
        discount: How much each photo's evidence counts.
        size: Information that faces are of the mean face's size, which no photo tells.
    """

    model: PointModel
    marked: MarkedPhotos
    poses: Poses
    discount: Float[np.ndarray, " photos"]
    size: Float[np.ndarray, "identity identity"]

    @classmethod
    def of(
        cls, marks: SourceMarks, habits: Habits, model: FaceModel, config: PeopleConfig
    ) -> "IdentityMarks":
        """Marks of photos, with a third of the mesh where it is believed, and all of people's points."""
        columns = np.concatenate((identity_points(), np.r_[HUMAN]))
        sigma = np.full(len(columns), config.sigma_mm)
        marked = marks.marked(columns, sigma, habits.of(marks.poses.rotation))
        ahead = marks.mesh & (np.abs(np.rad2deg(yaw_rad(marks.poses.rotation))) <= config.identity_yaw_deg)
        points = marked.points_px.copy()
        points[np.ix_(~ahead, columns < MESH.stop)] = np.nan
        discount = np.where(ahead, config.mesh_evidence, config.human_evidence)
        basis = all_points(model).chosen(columns)
        size = _size_information(model, config.size_sd)
        return cls(basis, replace(marked, points_px=points), marks.poses, discount, size)

    def __len__(self) -> int:
        return len(self.marked)

    def __getitem__(self, rows: Int[np.ndarray, " rows"]) -> "IdentityMarks":
        return IdentityMarks(self.model, self.marked[rows], self.poses[rows], self.discount[rows], self.size)

    @property
    def told(self) -> Bool[np.ndarray, " photos"]:
        """Photos that tell anything."""
        told: np.ndarray = np.isfinite(self.marked.points_px).all(axis=-1).sum(axis=1) >= 6
        return told


def solve_people(
    marks: IdentityMarks,
    person: Int[np.ndarray, " photos"],
    expected: Float[np.ndarray, "people identity"],
    population: Population,
    rounds: int,
) -> tuple[Gaussians, PeopleEvidence]:
    """Identities of people, by Gauss-Newton steps over identity, poses and expressions alike.

    Args:
        marks: Of photos.
        person: Whom each photo shows, as a row of `expected`.
        expected: Mean identity of each person before any mark is looked at.
        population: Has the covariance that goes with it.
        rounds: Linearisations.
    """
    identity = expected.copy()
    poses, _ = settled(marks.model, marks.marked, marks.poses, identity[person], _FIRST_STEPS)
    found = Gaussians(identity, np.repeat(population.covariance[None], len(identity), axis=0))
    for last in range(rounds, 0, -1):
        evidence = _evidence(marks, person, found.mean, poses, len(expected))
        after = population.posterior(expected, evidence.information, evidence.vector)
        if last > 1:
            poses, _ = settled(marks.model, marks.marked, poses, after.mean[person], 1)
        found = after
    poses, residual = settled(marks.model, marks.marked, poses, found.mean[person], 2)
    return found, replace(evidence, poses=poses, residual_mm=mean_length(residual))


def mean_length(residual_mm: Float[np.ndarray, "photos points 2"]) -> Float[np.ndarray, " photos"]:
    """Mean length of what is known; NaN where nothing is."""
    length = np.linalg.norm(residual_mm, axis=-1)
    seen = np.isfinite(length)
    total: np.ndarray = np.where(seen, length, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return np.where(seen.any(axis=1), total, np.nan)


def _evidence(
    marks: IdentityMarks, person: np.ndarray, identity: np.ndarray, poses: Poses, people: int
) -> PeopleEvidence:
    """The sums over each person's photos, about identities themselves, not steps."""
    size = identity.shape[1]
    information, vector = np.zeros((people, size, size)), np.zeros((people, size))
    residual = []
    for rows in slices(len(marks)):
        who = person[rows]
        found = gather(marks.model, marks.marked[rows], poses[rows], identity[who])
        discount = marks.discount[rows]
        np.add.at(information, who, found.information * discount[:, None, None])
        np.add.at(vector, who, found.vector * discount[:, None])
        residual.append(mean_length(found.residual_mm))
    vector += (information @ identity[..., None])[..., 0]
    information += marks.size
    return PeopleEvidence(information, vector, poses, np.concatenate(residual))


@dataclass(frozen=True)
class VertexSpread:
    """From covariances of identities to how far vertices of the narrow face are off.

    Attributes:
        gram: Mean product of what two identity modes move a vertex by.
    """

    gram: Float[np.ndarray, "identity identity"]

    @classmethod
    def of(cls, model: FaceModel) -> "VertexSpread":
        """That of a face model."""
        inside = model.data.regions["narrow_face"].cpu().numpy()
        modes = model.identity_basis_mm.cpu().numpy()[:, inside].astype(np.float64)
        # Shifts and turns of the whole face are left in: they are small, for modes were made without them.
        flat = modes.reshape(len(modes), -1)
        return cls(flat @ flat.T / inside.sum())

    @property
    def prior_mm2(self) -> float:
        """Variance of a vertex over all faces of the model."""
        return float(np.trace(self.gram))

    def variance_mm2(
        self, covariance: Float[np.ndarray, "people identity identity"]
    ) -> Float[np.ndarray, " people"]:
        """Mean variance of a vertex."""
        return np.einsum("ij,nij->n", self.gram, covariance, optimize=True)


def _size_information(model: FaceModel, sd: float) -> Float[np.ndarray, "identity identity"]:
    inside = model.data.regions["narrow_face"].cpu().numpy()
    direction = size_direction(
        model.mean_mm.cpu().numpy()[inside].astype(np.float64),
        model.identity_basis_mm.cpu().numpy()[:, inside].astype(np.float64),
    )
    return np.outer(direction, direction) / sd**2


def strangers(
    descriptor: Float[np.ndarray, "photos numbers"],
    person: Int[np.ndarray, " photos"],
    clear: Bool[np.ndarray, " photos"],
    distance: float,
) -> Bool[np.ndarray, " photos"]:
    """Photos that show somebody else than the person's others.

    Args:
        descriptor: For face recognition; NaN where it could not be made.
        person: Whom each photo is said to show.
        clear: Photos whose descriptors are worth looking at: faces from the front.
        distance: From the mean of the person's others, from which on it is somebody else.
    """
    known = clear & np.isfinite(descriptor).all(axis=1)
    found = np.zeros(len(person), dtype=bool)
    for one in np.unique(person[known]):
        rows = np.flatnonzero(known & (person == one))
        if len(rows) < 3:
            continue
        every = descriptor[rows].astype(np.float64)
        apart = np.linalg.norm(every[:, None] - every[None], axis=-1)
        # The median over the others is not moved by a stranger among them.
        np.fill_diagonal(apart, np.nan)
        found[rows] = np.nanmedian(apart, axis=1) > distance
    return found


def people_means(
    values: Float[np.ndarray, "photos numbers"], person: Int[np.ndarray, " photos"], people: int
) -> Float[np.ndarray, "people numbers"]:
    """Mean over each person's photos; NaN for people without any."""
    total, count = np.zeros((people, values.shape[1])), np.bincount(person, minlength=people)
    np.add.at(total, person, values)
    return np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], np.nan)
