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

from monoface.core.errors import ConfigError
from monoface.facemodel.estimation.evidence import (
    Evidence,
    MarkedPhotos,
    PoseGuess,
    Poses,
    follow,
    gather,
    settle,
)
from monoface.facemodel.estimation.identity_prior import IdentityPrior
from monoface.facemodel.estimation.point_model import PointModel


@dataclass(frozen=True)
class RefineConfig:
    """How much points, and what a network says besides, count against each other; validation chooses.

    Attributes:
        steps: Steps of pose and expression before identity is asked for.
        last_steps: The same afterwards.
        sigma_scale: What the deviations that the network expects of its points are multiplied by. Errors of
            neighbouring points are alike, so that many points are worth fewer.
        least_sigma_mm: No point is better known than this.
        robust: Residual, in standard deviations, at which a point counts half.
        expression_sd: How far a network's expression weights are off, a standard deviation.
        turn_sd_deg: The same of its rotation, about each axis.
        shift_sd_mm: Of where the model's origin appears, along each axis.
        zoom_sd: Of the logarithm of the scale.
        discount: What a photo's evidence of identity is multiplied by; 0 leaves identity to the prior.
        measured_discount: The same where the prior is to see that evidence: in `measured_identity`.
        nuisance: Variance, in each identity coefficient, of what points of one photo say wrongly in concert,
            so that no photo tells an identity better than that, however many its points.
        in_common: Of several photos of one person: see `IdentityMap.joined`.
    """

    steps: int = 2
    last_steps: int = 1
    sigma_scale: float = 2.0
    least_sigma_mm: float = 0.5
    robust: float = 3.0
    expression_sd: float = 0.1
    turn_sd_deg: float = 3.0
    shift_sd_mm: float = 5.0
    zoom_sd: float = 0.05
    discount: float = 0.05
    measured_discount: float = 0.1
    nuisance: float = 0.0
    in_common: float = 0.7

    def __post_init__(self) -> None:
        for name in ("steps", "last_steps"):
            if getattr(self, name) < 0:
                raise ConfigError(f"refinement: expected {name} of at least 0, got {getattr(self, name)}.")
        spreads = ("expression_sd", "turn_sd_deg", "shift_sd_mm", "zoom_sd")
        for name in ("sigma_scale", "least_sigma_mm", "robust", *spreads):
            if not getattr(self, name) > 0:
                raise ConfigError(f"refinement: expected {name} above 0, got {getattr(self, name)}.")
        for name in ("discount", "measured_discount", "in_common"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"refinement: expected {name} from 0 to 1, got {getattr(self, name)}.")
        if self.nuisance < 0:
            raise ConfigError(f"refinement: expected nuisance of at least 0, got {self.nuisance}.")


@dataclass(frozen=True)
class Lenses:
    """Pinholes that photos were taken with; without them faces are seen in parallel projection.

    Attributes:
        focal_px: Focal length.
        principal_px: Where the viewing axis meets the picture.
    """

    focal_px: Float[np.ndarray, " photos"]
    principal_px: Float[np.ndarray, "photos 2"]

    def __getitem__(self, rows: slice | np.ndarray) -> "Lenses":
        return Lenses(self.focal_px[rows], self.principal_px[rows])


@dataclass(frozen=True)
class SeenPoints:
    """Dense points of faces as a network found them.

    Attributes:
        place_px: In the picture that the poses belong to; NaN where a point is not known.
        sigma_px: Standard deviation along each axis, as the network expects it.
        lenses: Pinholes of the photos, if they are known.
    """

    place_px: Float[np.ndarray, "photos points 2"]
    sigma_px: Float[np.ndarray, "photos points"]
    lenses: Lenses | None = None

    def __len__(self) -> int:
        return len(self.place_px)

    def __getitem__(self, rows: slice | np.ndarray) -> "SeenPoints":
        lenses = None if self.lenses is None else self.lenses[rows]
        return SeenPoints(self.place_px[rows], self.sigma_px[rows], lenses)

    @classmethod
    def joined(cls, parts: Sequence["SeenPoints"]) -> "SeenPoints":
        """Those of several in a row: with lenses if all of them have some, else without."""
        lenses = [part.lenses for part in parts if part.lenses is not None]
        both = None
        if len(lenses) == len(parts):
            both = Lenses(
                np.concatenate([one.focal_px for one in lenses]),
                np.concatenate([one.principal_px for one in lenses]),
            )
        return cls(
            np.concatenate([part.place_px for part in parts]),
            np.concatenate([part.sigma_px for part in parts]),
            both,
        )


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


def marked_points(
    model: PointModel,
    seen: SeenPoints,
    start: Poses,
    poses: Poses,
    identity: Float[np.ndarray, "photos identity"],
    config: RefineConfig,
) -> MarkedPhotos:
    """The points as marks in a parallel projection, with what the network says as what is known before."""
    sigma_mm = config.sigma_scale * seen.sigma_px / start.scale_px[:, None]
    guess = PoseGuess(start, np.deg2rad(config.turn_sd_deg), config.shift_sd_mm, config.zoom_sd)
    return MarkedPhotos(
        points_px=_in_parallel(model, seen, poses, identity),
        sigma_mm=np.maximum(sigma_mm, config.least_sigma_mm),
        expression=start.expression,
        expression_sd=np.full_like(start.expression, config.expression_sd),
        habit_mm=np.zeros_like(seen.place_px),
        robust=config.robust,
        guess=guess,
    )


def _in_parallel(
    model: PointModel, seen: SeenPoints, poses: Poses, identity: Float[np.ndarray, "photos identity"]
) -> Float[np.ndarray, "photos points 2"]:
    """Where a parallel projection of the model's origin's scale would show the points.

    A pinhole shows what is nearer larger. Every step removes that by the depths of the step before.

    Reference:
        DeMenthon and Davis, "Model-Based Object Pose in 25 Lines of Code", IJCV 1995.
    """
    if seen.lenses is None:
        return seen.place_px
    depth_mm = (model.points(identity, poses.expression) * poses.rotation[:, None, 2]).sum(axis=-1)
    distance_mm = (seen.lenses.focal_px / poses.scale_px)[:, None]
    principal_px = seen.lenses.principal_px[:, None]
    return principal_px + (seen.place_px - principal_px) * (1 + depth_mm / distance_mm)[..., None]
