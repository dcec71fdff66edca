"""Measure faces at the end: a few Gauss-Newton steps from a network's answer to points found in the picture.

A photo is looked at first (`look`): its pose and expression settle on its points, and what the points say of
the identity is gathered in information form. Then it is concluded (`conclude`): that evidence, discounted, is
joined with what is known of the identity beforehand, and pose and expression follow. Photos of one person are
concluded together.

Everything here is numpy, for any number of faces at a time; no loop runs over faces or points.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float

from monoface.facemodel.estimation.evidence import Evidence, Poses, follow, gather, settle
from monoface.facemodel.estimation.identity_prior import IdentityPrior
from monoface.facemodel.estimation.point_model import PointModel
from monoface.facemodel.estimation.refine_config import RefineConfig
from monoface.facemodel.estimation.seen_points import Lenses, SeenPoints, marked_points

__all__ = [
    "Lenses",
    "Looked",
    "RefineConfig",
    "RefinedFaces",
    "SeenPoints",
    "conclude",
    "conclude_together",
    "discounted",
    "look",
    "marked_points",
    "measured_identity",
    "refine",
]


@dataclass(frozen=True)
class Looked:
    """What photos' points say, before anything is known of the identities.

    Attributes:
        poses: Settled on the points.
        identity: Where the evidence was linearised.
        evidence: Of the identities; not discounted.
    """

    poses: Poses
    identity: Float[np.ndarray, "photos identity"]
    evidence: Evidence


@dataclass(frozen=True)
class RefinedFaces:
    """Faces that were measured.

    Attributes:
        identity: Mean of the posterior.
        identity_covariance: Its covariance.
        poses: Rotation, scale, shift and expression.
        expression_covariance: Of each face's expression, given its identity.
        expression_by_identity: How the expression changes with the identity.
    """

    identity: Float[np.ndarray, "photos identity"]
    identity_covariance: Float[np.ndarray, "photos identity identity"]
    poses: Poses
    expression_covariance: Float[np.ndarray, "photos expressions expressions"]
    expression_by_identity: Float[np.ndarray, "photos expressions identity"]

    def __len__(self) -> int:
        return len(self.identity)

    def __getitem__(self, rows: slice | np.ndarray) -> "RefinedFaces":
        return RefinedFaces(*(getattr(self, one.name)[rows] for one in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence["RefinedFaces"]) -> "RefinedFaces":
        """Those of several in a row."""
        names = [one.name for one in fields(cls) if one.name != "poses"]
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**arrays, poses=Poses.joined([part.poses for part in parts]))


def look(
    model: PointModel,
    seen: SeenPoints,
    start: Poses,
    identity: Float[np.ndarray, "photos identity"],
    config: RefineConfig,
) -> Looked:
    """Let poses and expressions settle on points, and gather what the points say of identities.

    Args:
        model: The face model at the points.
        seen: The points.
        start: What the network says of poses and expressions: where to begin, and what is known of them.
        identity: What it says of identities, or another guess.
        config: How much each counts.
    """
    poses = start
    for _ in range(config.steps):
        poses = settle(model, marked_points(model, seen, start, poses, identity, config), poses, identity)
    marked = marked_points(model, seen, start, poses, identity, config)
    return Looked(poses, identity, gather(model, marked, poses, identity))


def measured_identity(looked: Looked, config: RefineConfig) -> Float[np.ndarray, "photos identity"]:
    """Identities that points alone say, of people of whom nothing else is known but that they are people."""
    information, vector = discounted(looked.evidence, replace(config, discount=config.measured_discount))
    target = vector + (information @ looked.identity[..., None])[..., 0]
    found: np.ndarray = np.linalg.solve(information + np.eye(target.shape[1]), target[..., None])[..., 0]
    return found


def discounted(
    evidence: Evidence, config: RefineConfig
) -> tuple[Float[np.ndarray, "photos identity identity"], Float[np.ndarray, "photos identity"]]:
    """Information and vector of photos as much as they are to be trusted, in float64."""
    both = np.concatenate((evidence.information, evidence.vector[..., None]), axis=-1)
    both = config.discount * both.astype(np.float64)
    if config.nuisance:
        alone = np.eye(both.shape[1]) + config.nuisance * both[..., :-1]
        both = np.linalg.solve(alone, both)
    return both[..., :-1], both[..., -1]


def conclude(
    model: PointModel,
    seen: SeenPoints,
    start: Poses,
    looked: Looked,
    prior: IdentityPrior,
    config: RefineConfig,
) -> RefinedFaces:
    """Join what points say of identities with what is known of them; poses and expressions follow.

    Args:
        model: As for `look`, and so are `seen`, `start` and `config`.
        seen: The points.
        start: What the network says of poses and expressions.
        looked: What came of it.
        prior: Of each photo's person.
        config: How much each counts.
    """
    information, vector = discounted(looked.evidence, config)
    vector = vector + (prior.precision @ (prior.mean - looked.identity)[..., None])[..., 0]
    covariance = np.linalg.inv(information + prior.precision)
    step = (covariance @ vector[..., None])[..., 0]
    return _followed(model, seen, start, looked, step, covariance, config)


def conclude_together(
    model: PointModel,
    seen: SeenPoints,
    start: Poses,
    looked: Looked,
    prior: IdentityPrior,
    config: RefineConfig,
) -> RefinedFaces:
    """As `conclude`, for photos of one person: their evidence is added, and what is known counted once.

    Args:
        model: As for `conclude`, and so are the others.
        seen: The points.
        start: What the network says of poses and expressions.
        looked: Linearised at one identity for all photos.
        prior: Of the one person; a single row.
        config: How much each counts.

    Raises:
        ValueError: If the photos were looked at with different identities.
    """
    if len(looked.identity) and np.ptp(looked.identity, axis=0).max() > 0:
        raise ValueError("looked: expected one identity for all photos, got different ones")
    information, vector = discounted(looked.evidence, config)
    precision = prior.precision[0]
    total = vector.sum(axis=0) + (prior.mean[0] - looked.identity[0]) @ precision
    covariance = np.linalg.inv(information.sum(axis=0) + precision)
    count = len(looked.identity)
    step = np.repeat((covariance @ total)[None], count, axis=0)
    return _followed(model, seen, start, looked, step, np.repeat(covariance[None], count, axis=0), config)


def refine(
    model: PointModel,
    seen: SeenPoints,
    start: Poses,
    identity: Float[np.ndarray, "photos identity"],
    prior: IdentityPrior,
    config: RefineConfig,
) -> RefinedFaces:
    """Measure faces: `look`, then `conclude`."""
    looked = look(model, seen, start, identity, config)
    return conclude(model, seen, start, looked, prior, config)


def _followed(
    model: PointModel,
    seen: SeenPoints,
    start: Poses,
    looked: Looked,
    step: Float[np.ndarray, "photos identity"],
    covariance: Float[np.ndarray, "photos identity identity"],
    config: RefineConfig,
) -> RefinedFaces:
    identity = looked.identity + step
    poses = follow(model, looked.poses, looked.evidence, step)
    for _ in range(config.last_steps):
        poses = settle(model, marked_points(model, seen, start, poses, identity, config), poses, identity)
    pose = looked.evidence.own.shape[1] - model.expression_size
    return RefinedFaces(
        identity,
        covariance,
        poses,
        looked.evidence.own_covariance[:, pose:, pose:],
        looked.evidence.own_by_identity[:, pose:],
    )
